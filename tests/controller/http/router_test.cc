#include "controller/http/router.h"

#include <gtest/gtest.h>

#include "base/random.h"

namespace luthier::http {
namespace {

Router make_router() {
  Router router;
  const auto handle = [](const Request&, const Reply& reply) { reply(Response()); };
  for (const auto& [method, pattern] :
       std::vector<std::pair<std::string, std::string>>{{"GET", "/healthz"},
                                                        {"GET", "/api/v1/runs"},
                                                        {"POST", "/api/v1/runs"},
                                                        {"GET", "/api/v1/runs/{run}"},
                                                        {"GET", "/api/v1/runs/{run}/steps/{step}/log"}}) {
    router.add({.method = method, .pattern = pattern, .handle = handle});
  }
  return router;
}

TEST(Router, FindsRoutesAndDecodesTheirParameters) {
  const Router router = make_router();
  struct Case {
    const char* method;
    const char* path;
    const char* pattern;
    std::map<std::string, std::string> parameters;
  };
  for (const Case& item : std::vector<Case>{
           {"GET", "/healthz", "/healthz", {}},
           {"POST", "/api/v1/runs", "/api/v1/runs", {}},
           {"GET", "/api/v1/runs/r-1", "/api/v1/runs/{run}", {{"run", "r-1"}}},
           {"GET",
            "/api/v1/runs/r-1/steps/train%5Blr%3D0.1%2Cseed%3D2%5D/log",
            "/api/v1/runs/{run}/steps/{step}/log",
            {{"run", "r-1"}, {"step", "train[lr=0.1,seed=2]"}}},
           {"GET", "/api/v1/runs/a%2Fb", "/api/v1/runs/{run}", {{"run", "a/b"}}},
       }) {
    const Router::Match match = router.match(item.method, item.path);
    ASSERT_NE(match.route, nullptr) << item.path;
    EXPECT_EQ(match.route->pattern, item.pattern);
    EXPECT_EQ(match.route->method, item.method);
    EXPECT_EQ(match.parameters, item.parameters);
  }
}

TEST(Router, RefusesWhatItDoesNotKnow) {
  const Router router = make_router();
  struct Case {
    const char* method;
    const char* path;
    int status;
  };
  for (const Case& item : std::vector<Case>{
           {"GET", "/", 404},
           {"GET", "", 404},
           {"GET", "/api/v1/runs/", 404},
           {"GET", "/api/v1/runs//steps/train/log", 404},
           {"GET", "/api/v1/runs/r-1/steps", 404},
           {"GET", "//healthz", 404},
           {"GET", "/healthz/../healthz", 404},
           {"DELETE", "/api/v1/runs", 405},
           {"POST", "/healthz", 405},
           {"GET", "/api/v1/runs/%", 400},
           {"GET", "/api/v1/runs/%4", 400},
           {"GET", "/api/v1/runs/%zz", 400},
           {"GET", "/api/v1/runs/%00", 400},
           {"GET", "/api/v1/runs/a%0Ab", 400},
       }) {
    const Router::Match match = router.match(item.method, item.path);
    EXPECT_EQ(match.route, nullptr) << item.path;
    EXPECT_EQ(match.refusal.status, item.status) << item.path;
    EXPECT_TRUE(Json::parse(match.refusal.body).contains("error")) << item.path;
  }
  const Router::Match match = router.match("DELETE", "/api/v1/runs");
  ASSERT_EQ(match.refusal.headers.size(), 1U);
  EXPECT_EQ(match.refusal.headers[0].second, "GET, POST");
}

TEST(Router, QueriesAreDecoded) {
  const auto query = parse_query("after=5&name=a%20b+c&flag&empty=&&x=1&x=2");
  ASSERT_TRUE(query.has_value());
  EXPECT_EQ(*query, (std::map<std::string, std::string>{
                        {"after", "5"}, {"name", "a b c"}, {"flag", ""}, {"empty", ""}, {"x", "2"}}));
  EXPECT_FALSE(parse_query("a=%f").has_value());
  std::string many;
  for (int i = 0; i < 100; ++i) {
    many += "n" + std::to_string(i) + "=1&";
  }
  EXPECT_EQ(parse_query(many).error().code, ErrorCode::kInvalidArgument);
}

TEST(Router, QueryNumbersAreChecked) {
  Request request;
  request.query = {{"limit", "50"}, {"bad", "5x"}, {"huge", "99999999999999999999"}, {"flag", "1"}, {"odd", "maybe"}};
  EXPECT_EQ(*request.query_integer("limit", 1, 1, 100), 50);
  EXPECT_EQ(*request.query_integer("absent", 7, 1, 100), 7);
  EXPECT_FALSE(request.query_integer("limit", 1, 1, 10).has_value());
  EXPECT_FALSE(request.query_integer("bad", 1, 1, 10).has_value());
  EXPECT_FALSE(request.query_integer("huge", 1, 1, 10).has_value());
  EXPECT_TRUE(*request.query_flag("flag", false));
  EXPECT_FALSE(request.query_flag("odd", false).has_value());
}

TEST(Router, ScopesGrowAndAgentsStandApart) {
  using store::Scope;
  EXPECT_TRUE(allows(Scope::kAdmin, Scope::kViewer));
  EXPECT_TRUE(allows(Scope::kDeveloper, Scope::kDeveloper));
  EXPECT_FALSE(allows(Scope::kViewer, Scope::kDeveloper));
  EXPECT_FALSE(allows(Scope::kDeveloper, Scope::kAdmin));
  EXPECT_FALSE(allows(Scope::kAgent, Scope::kViewer));
}

TEST(Router, AnyBytesAreAnsweredAndEncodingIsUndoneByDecoding) {
  const Router router = make_router();
  constexpr std::string_view kAlphabet = "/%aA0f&=+?#{}. \x01\xff";
  Random random(20261121);
  for (int round = 0; round < 20'000; ++round) {
    std::string text = random.below(2) == 0 ? "/api/v1/runs/" : "";
    const std::uint64_t length = random.below(40);
    for (std::uint64_t i = 0; i < length; ++i) {
      text += random.below(3) == 0 ? static_cast<char>(random.below(256)) : kAlphabet[random.below(kAlphabet.size())];
    }
    const Router::Match match = router.match("GET", text);
    if (match.route == nullptr) {
      ASSERT_GE(match.refusal.status, 400) << "round " << round;
      ASSERT_FALSE(match.refusal.body.empty()) << "round " << round;
    }
    static_cast<void>(parse_query(text));
    const auto decoded = decode_percent(text);
    if (decoded) {
      ASSERT_EQ(*decode_percent(encode_percent(*decoded)), *decoded) << "round " << round;
    }
  }
}

TEST(Messages, BodiesMustBeJsonObjectsOfBoundedDepth) {
  struct Case {
    std::string body;
    bool good;
  };
  const std::string deep = "{\"a\":" + std::string(100'000, '[') + std::string(100'000, ']') + "}";
  for (const Case& item : std::vector<Case>{{"{\"a\": 1}", true},
                                            {"", false},
                                            {"[]", false},
                                            {"{", false},
                                            {"{\"a\": \"\xff\"}", false},
                                            {"{\"a\": 1e999}", false},
                                            {deep, false},
                                            {std::string(200'000, '['), false}}) {
    Request request;
    request.body = item.body;
    EXPECT_EQ(json_body(request).has_value(), item.good) << item.body.substr(0, 20);
  }
}

TEST(Messages, EveryErrorCodeHasItsStatus) {
  const std::vector<std::pair<ErrorCode, int>> table = {
      {ErrorCode::kInvalidArgument, 400},    {ErrorCode::kNotFound, 404},         {ErrorCode::kAlreadyExists, 409},
      {ErrorCode::kFailedPrecondition, 409}, {ErrorCode::kPermissionDenied, 403}, {ErrorCode::kUnauthenticated, 401},
      {ErrorCode::kResourceExhausted, 429},  {ErrorCode::kUnavailable, 503},      {ErrorCode::kDeadlineExceeded, 504},
      {ErrorCode::kCancelled, 409},          {ErrorCode::kDataLoss, 500},         {ErrorCode::kInternal, 500}};
  for (const auto& [code, status] : table) {
    const Response response = error_response(Error{code, "because"});
    EXPECT_EQ(response.status, status);
    EXPECT_EQ(Json::parse(response.body)["error"]["message"], "because");
  }
}

}  // namespace
}  // namespace luthier::http
