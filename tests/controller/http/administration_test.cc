// Keys, the audit log and /metrics.
#include <gmock/gmock.h>

#include "tests/controller/http/api_fixture.h"

namespace luthier::http {
namespace {

using testing::HasSubstr;
using testing::Not;

std::string first_id(const Json& keys, const std::string& name) {
  for (const Json& key : keys.at("keys")) {
    if (key.at("name") == name) {
      return key.at("id");
    }
  }
  return "";
}

TEST_F(ApiTest, AKeyIsMadeListedWithoutItsSecretAndRevoked) {
  start();
  const RawResponse made = post("/api/v1/keys", {{"name", "prometheus"}, {"scope", "viewer"}}, kAdmin);
  ASSERT_EQ(made.status, 201) << made.body;
  const std::string secret = made.json()["key"];
  EXPECT_EQ(exchange(port(), "GET", "/api/v1/runs", "", key(secret)).status, 200);
  const RawResponse list = exchange(port(), "GET", "/api/v1/keys", "", key(kAdmin));
  EXPECT_EQ(list.body.find(secret), std::string::npos);
  const std::string id = first_id(list.json(), "prometheus");
  EXPECT_EQ(exchange(port(), "DELETE", "/api/v1/keys/" + id, "", key(kAdmin)).status, 200);
  EXPECT_EQ(exchange(port(), "GET", "/api/v1/runs", "", key(secret)).status, 401);
  EXPECT_EQ(exchange(port(), "DELETE", "/api/v1/keys/" + id, "", key(kAdmin)).status, 404);
  const std::string admin = first_id(list.json(), "ada");
  EXPECT_EQ(exchange(port(), "DELETE", "/api/v1/keys/" + admin, "", key(kAdmin)).status, 409)
      << "nobody could make keys after that";
  EXPECT_EQ(exchange(port(), "GET", "/api/v1/keys", "", key(kDeveloper)).status, 403);
}

TEST_F(ApiTest, EveryChangeIsInTheAuditLogWithItsResult) {
  start();
  const std::string run = submit(kHello);
  EXPECT_EQ(exchange(port(), "POST", "/api/v1/runs/r-9/cancel", "", key(kDeveloper)).status, 404);
  EXPECT_EQ(exchange(port(), "POST", "/api/v1/runs/r-1/cancel", "", key(kViewer)).status, 403);
  EXPECT_EQ(exchange(port(), "POST", "/api/v1/runs/r-1/cancel", "", key("unknown-0123456789")).status, 401);
  EXPECT_EQ(get("/api/v1/runs").status, 200);
  EXPECT_EQ(post("/api/v1/missing-blobs", {{"digests", Json::array()}}).status, 200);
  const RawResponse answer = exchange(port(), "GET", "/api/v1/audit", "", key(kAdmin));
  ASSERT_EQ(answer.status, 200) << answer.body;
  const Json entries = answer.json()["entries"];
  ASSERT_EQ(entries.size(), 3U) << entries.dump(2);
  EXPECT_EQ(entries[0]["by"], "vera");
  EXPECT_EQ(entries[0]["status"], 403);
  EXPECT_EQ(entries[1]["by"], "dan");
  EXPECT_EQ(entries[1]["target"], "/api/v1/runs/r-9/cancel");
  EXPECT_EQ(entries[1]["status"], 404);
  EXPECT_EQ(entries[2]["action"], "POST /api/v1/runs");
  EXPECT_EQ(entries[2]["target"], run);
  EXPECT_EQ(entries[2]["status"], 201);
  const Json page = exchange(port(), "GET", "/api/v1/audit?limit=1", "", key(kAdmin)).json();
  EXPECT_EQ(page["entries"].size(), 1U);
  const std::string older = "/api/v1/audit?before=" + page["next"].dump();
  EXPECT_EQ(exchange(port(), "GET", older, "", key(kAdmin)).json()["entries"].size(), 2U);
}

TEST_F(ApiTest, MetricsCountWhatHappensAndTheirLabelsAreBounded) {
  start();
  EXPECT_EQ(exchange(port(), "GET", "/metrics").status, 401);
  submit(kHello);
  for (int i = 0; i < 20; ++i) {
    get("/nowhere/" + std::to_string(i));
    get("/api/v1/runs/r-" + std::to_string(100 + i));
  }
  const RawResponse metrics = get("/metrics");
  ASSERT_EQ(metrics.status, 200) << metrics.body;
  EXPECT_THAT(metrics.body, HasSubstr("luthier_runs{status=\"running\"} 1\n"));
  EXPECT_THAT(metrics.body, HasSubstr("luthier_live_steps{status=\"ready\"} 1\n"));
  EXPECT_THAT(metrics.body, HasSubstr("\nluthier_event_readers 0\n"));
  EXPECT_THAT(metrics.body, HasSubstr("\nluthier_event_lag 0\n"));
  EXPECT_THAT(metrics.body, HasSubstr("{method=\"other\",route=\"none\",code=\"404\"} 20\n"));
  EXPECT_THAT(metrics.body, HasSubstr("{method=\"GET\",route=\"/api/v1/runs/{run}\",code=\"404\"} 20\n"));
  EXPECT_THAT(metrics.body, Not(HasSubstr("r-101")));
}

TEST_F(ApiTest, MetricsCanBeOpenedToEverybody) {
  start({.metrics_open = true});
  EXPECT_EQ(exchange(port(), "GET", "/metrics").status, 200);
}

}  // namespace
}  // namespace luthier::http
