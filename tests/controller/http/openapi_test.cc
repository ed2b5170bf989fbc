// docs/openapi.yaml and the router's table name the same paths, methods and scopes.
#include <yaml-cpp/yaml.h>

#include <map>

#include "tests/controller/http/api_fixture.h"

namespace luthier::http {
namespace {

using Table = std::map<std::string, std::string>;  // "GET /api/v1/runs" -> least scope, "" without a key

Table described() {
  constexpr const char* kMethods[] = {"get", "put", "post", "delete", "patch"};
  Table table;
  const YAML::Node document = YAML::LoadFile(LUTHIER_SOURCE_DIR "/docs/openapi.yaml");
  for (const auto& path : document["paths"]) {
    for (const char* method : kMethods) {
      if (const YAML::Node operation = path.second[method]) {
        std::string name = method;
        std::transform(name.begin(), name.end(), name.begin(), [](char c) { return static_cast<char>(c - 'a' + 'A'); });
        table[name + " " + path.first.as<std::string>()] = operation["x-scope"].as<std::string>("");
      }
    }
  }
  return table;
}

std::string scope_name(const std::optional<store::Scope>& scope) {
  if (!scope) {
    return "";
  }
  switch (*scope) {
    case store::Scope::kViewer: return "viewer";
    case store::Scope::kDeveloper: return "developer";
    case store::Scope::kAdmin: return "admin";
    case store::Scope::kAgent: return "agent";
  }
  return "";
}

TEST_F(ApiTest, EveryRouteIsDescribedInOpenApiAndNothingElseIs) {
  start();
  Table routes;
  for (const HttpServer::RouteFacts& route : server_->routes()) {
    routes[route.method + " " + route.pattern] = scope_name(route.scope);
  }
  EXPECT_GT(routes.size(), 20U);
  const Table wanted = described();
  for (const auto& [name, scope] : routes) {
    const auto found = wanted.find(name);
    if (found == wanted.end()) {
      ADD_FAILURE() << name << " is not in docs/openapi.yaml; docs/http-api.md says how to add it";
    } else {
      EXPECT_EQ(found->second, scope) << name << ": x-scope in docs/openapi.yaml";
    }
  }
  for (const auto& [name, scope] : wanted) {
    EXPECT_EQ(routes.count(name), 1U) << "docs/openapi.yaml describes " << name << ", which nothing answers";
  }
}

}  // namespace
}  // namespace luthier::http
