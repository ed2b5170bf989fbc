#include <gmock/gmock.h>

#include <fstream>
#include <map>

#include "tests/controller/http/api_fixture.h"

namespace luthier::http {
namespace {

TEST_F(ApiTest, EveryPathHasItsScope) {
  start();
  struct Case {
    const char* method;
    const char* target;
    const char* key;
    int status;
  };
  for (const Case& item : std::vector<Case>{
           {"GET", "/healthz", "", 200},
           {"GET", "/readyz", "", 200},
           {"GET", "/api/v1/runs", "", 401},
           {"GET", "/api/v1/runs", "not-a-key-0123456789", 401},
           {"GET", "/api/v1/runs", kViewer, 200},
           {"GET", "/api/v1/runs/r-9", kViewer, 404},
           {"GET", "/api/v1/runs?limit=0", kViewer, 400},
           {"GET", "/api/v1/runs?limit=x", kViewer, 400},
           {"POST", "/api/v1/runs", kViewer, 403},
           {"POST", "/api/v1/runs", kDeveloper, 400},
           {"POST", "/api/v1/runs/r-9/cancel", kViewer, 403},
           {"POST", "/api/v1/runs/r-9/cancel", kDeveloper, 404},
           {"GET", "/api/v1/runs/r-9/events", kViewer, 404},
           {"GET", "/api/v1/events?follow=0", kViewer, 200},
           {"GET", "/api/v1/events?follow=maybe", kViewer, 400},
           {"GET", "/api/v1/events?after=-1", kViewer, 400},
           {"GET", "/api/v1/runs/r-9/steps/s/log", kViewer, 404},
           {"GET", "/api/v1/runs/r-9/steps/s/metrics", kViewer, 404},
           {"GET", "/api/v1/agents", kViewer, 200},
           {"GET", "/api/v1/models", kViewer, 200},
           {"GET", "/api/v1/models/none", kViewer, 404},
           {"POST", "/api/v1/models/m/versions", kViewer, 403},
           {"PUT", "/api/v1/models/m/aliases/production", kViewer, 403},
           {"POST", "/api/v1/generate", kViewer, 403},
           {"POST", "/api/v1/missing-blobs", kViewer, 403},
           {"POST", "/api/v1/data-checks", kViewer, 403},
           {"PUT", "/api/v1/blobs/sha256:00", kViewer, 403},
           {"PUT", "/api/v1/blobs/sha256:00", kDeveloper, 400},
           {"GET", "/api/v1/artifacts/sha256:00", kViewer, 400},
           {"POST", "/api/v1/join-tokens", kDeveloper, 403},
           {"GET", "/api/v1/join-tokens", kDeveloper, 403},
           {"DELETE", "/api/v1/join-tokens/jt_0", kAdmin, 404},
           {"POST", "/api/v1/agents/a-1/drain", kDeveloper, 403},
           {"POST", "/api/v1/agents/a-1/cordon", kAdmin, 404},
           {"DELETE", "/api/v1/agents/a-1", kAdmin, 404},
           {"POST", "/api/v1/keys", kDeveloper, 403},
           {"DELETE", "/api/v1/runs", kAdmin, 405},
       }) {
    const auto headers = *item.key == 0 ? std::map<std::string, std::string>() : key(item.key);
    const RawResponse response = exchange(port(), item.method, item.target, "", headers);
    EXPECT_EQ(response.status, item.status) << item.method << " " << item.target << " " << response.body;
    if (response.status >= 400) {
      EXPECT_FALSE(response.json()["error"]["message"].get<std::string>().empty());
    }
  }
}

TEST_F(ApiTest, ReadinessSaysWhyNot) {
  start();
  ready_ = false;
  const RawResponse response = exchange(port(), "GET", "/readyz");
  EXPECT_EQ(response.status, 503);
  EXPECT_EQ(response.body, "still replaying\n");
  EXPECT_EQ(exchange(port(), "GET", "/healthz").status, 200);
}

TEST_F(ApiTest, ARunIsSubmittedListedShownAndCancelled) {
  start();
  const RawResponse response = post("/api/v1/runs", {{"yaml", kHello}, {"file", "test.yaml"}});
  ASSERT_EQ(response.status, 201) << response.body;
  const Json run = response.json();
  EXPECT_EQ(run["id"], "r-1");
  EXPECT_EQ(run["status"], "running");
  EXPECT_EQ(run["submitted_by"], "dan");
  EXPECT_EQ(run["yaml"], kHello);
  ASSERT_EQ(run["steps"].size(), 1U);
  EXPECT_FALSE(run["steps"][0]["reason"].get<std::string>().empty()) << "a waiting step says why";
  EXPECT_EQ(get("/api/v1/runs").json()["runs"][0]["id"], "r-1");

  const RawResponse cancelled = exchange(port(), "POST", "/api/v1/runs/r-1/cancel", "", key(kDeveloper));
  EXPECT_EQ(cancelled.status, 200);
  EXPECT_EQ(cancelled.json()["status"], "cancelled");
  EXPECT_EQ(exchange(port(), "POST", "/api/v1/runs/r-1/cancel", "", key(kDeveloper)).status, 409);
}

TEST_F(ApiTest, ABadPipelineIsRefusedWithAllItsErrorsAndTheirPlaces) {
  start();
  const std::string yaml = "name: t\nsteps:\n  hello: { usess: run }\n  other: { uses: nothing }\n";
  const RawResponse response = post("/api/v1/runs", {{"yaml", yaml}, {"file", "bad.yaml"}});
  EXPECT_EQ(response.status, 400);
  const Json error = response.json()["error"];
  EXPECT_EQ(error["code"], "invalid_argument");
  EXPECT_GE(error["details"].size(), 2U);
  for (const Json& detail : error["details"]) {
    EXPECT_EQ(detail["file"], "bad.yaml");
    EXPECT_GT(detail["line"], 0);
    EXPECT_GT(detail["column"], 0);
    EXPECT_NE(detail["rendered"].get<std::string>().find('^'), std::string::npos);
  }
}

TEST_F(ApiTest, SubmissionsAreCheckedBeforeTheyCount) {
  start();
  const std::string digest = sha256_digest("not uploaded");
  struct Case {
    std::string body;
    int status;
    const char* says;
  };
  for (const Case& item : std::vector<Case>{
           {"", 400, "JSON"},
           {"[]", 400, "object"},
           {"{}", 400, "'yaml'"},
           {R"({"yaml": 3})", 400, "'yaml'"},
           {Json{{"yaml", kHello}, {"params", 3}}.dump(), 400, "'params'"},
           {Json{{"yaml", kHello}, {"params", {{"nope", "1"}}}}.dump(), 400, "nope"},
           {Json{{"yaml", kHello}, {"sources", {{"a.csv", "sha256:12"}}}}.dump(), 400, "a.csv"},
           {Json{{"yaml", kHello}, {"sources", {{"a.csv", digest}}}}.dump(), 409, "a.csv"},
       }) {
    const RawResponse response = exchange(port(), "POST", "/api/v1/runs", item.body, key(kDeveloper));
    EXPECT_EQ(response.status, item.status) << item.body;
    EXPECT_NE(response.body.find(item.says), std::string::npos) << response.body;
  }
  EXPECT_TRUE(get("/api/v1/runs").json()["runs"].empty());
}

TEST_F(ApiTest, SourcesReachThePlanAsArtifacts) {
  start();
  const std::string artifact = put_artifact("source", "a.csv", "text,label\nx,y\n");
  const std::string yaml = "name: t\nsteps:\n  prepare: { uses: prepare, with: { source: data/a.csv } }\n";
  EXPECT_EQ(post("/api/v1/runs", {{"yaml", yaml}}).status, 400) << "the source is not given";
  const RawResponse response = post("/api/v1/runs", {{"yaml", yaml}, {"sources", {{"data/a.csv", artifact}}}});
  ASSERT_EQ(response.status, 201) << response.body;
  const Json run = wait_for_run("r-1", [](const Json& found) {
    return found["steps"][0]["with"].contains("source") && found["steps"][0]["status"] == "ready";
  });
  EXPECT_EQ(run["steps"][0]["with"]["source"]["$artifact"], artifact);
}

TEST_F(ApiTest, ARunningStepShowsItsProgress) {
  start();
  progress_ = {{"done", 5}, {"total", 10}};
  connect_agent("a-1");
  const std::string run = submit(kHello);
  start_attempt({RunId{run}, StepId{"hello"}, 1}, "a-1");
  const Json found = wait_for_run(run, [](const Json& r) { return r["steps"][0]["status"] == "running"; });
  EXPECT_EQ(found["steps"][0]["progress"], progress_);
  EXPECT_EQ(found["steps"][0]["attempts"][0]["agent"], "a-1");
  finish_attempt({RunId{run}, StepId{"hello"}, 1}, "a-1");
  const Json over = wait_for_run(run, [](const Json& r) { return r["status"] == "succeeded"; });
  EXPECT_TRUE(over["steps"][0]["progress"].is_null());
  EXPECT_EQ(get("/api/v1/agents").json()["agents"][0]["id"], "a-1");
}

TEST_F(ApiTest, AnUploadedDataFileIsCheckedAsTheCommandChecksIt) {
  start();
  const std::string lines = R"({"messages": [{"role": "user", "content": "q"}, {"role": "assistant", "content": "a"}]}
{"messages": [{"role": "robot", "content": "q"}]}
)";
  const std::string digest = sha256_digest(lines);
  const std::string path = "/api/v1/data-checks";
  EXPECT_EQ(post(path, {{"training", digest}}).status, 404) << "not uploaded";
  ASSERT_EQ(exchange(port(), "PUT", "/api/v1/blobs/" + digest, lines, key(kDeveloper)).status, 201);

  const Json report = post(path, {{"training", digest}, {"validation", digest}, {"name", "chats.jsonl"}}).json();
  EXPECT_EQ(report["ok"], false);
  EXPECT_EQ(report["training"]["kind"], "chat");
  EXPECT_EQ(report["validation"]["examples"], report["training"]["examples"]);
  std::map<std::string, Json> found;
  for (const Json& finding : report["findings"]) {
    found[finding["code"]] = finding;
  }
  ASSERT_TRUE(found.contains("unrecognized_role")) << report.dump();
  EXPECT_EQ(found["unrecognized_role"]["first"][0]["file"], "chats.jsonl");
  EXPECT_EQ(found["unrecognized_role"]["first"][0]["line"], 2);
  EXPECT_TRUE(found.contains("too_few_examples"));

  const RawResponse csv = post(path, {{"training", digest}, {"name", "chats.docx"}});
  EXPECT_EQ(csv.status, 400);
  EXPECT_THAT(csv.body, testing::HasSubstr("give 'format'"));
  const std::string utf16("\xff\xfe{\0", 4);
  const std::string other = sha256_digest(utf16);
  ASSERT_EQ(exchange(port(), "PUT", "/api/v1/blobs/" + other, utf16, key(kDeveloper)).status, 201);
  const RawResponse refused = post(path, {{"training", other}, {"name", "chats.jsonl"}});
  EXPECT_EQ(refused.status, 400);
  EXPECT_THAT(refused.body, testing::HasSubstr("chats.jsonl"));
}

TEST_F(ApiTest, BlobsGoUpCheckedAndComeDownInParts) {
  start();
  std::string bytes(700'000, 'x');
  for (std::size_t i = 0; i < bytes.size(); i += 1'000) {
    bytes[i] = static_cast<char>('a' + i % 26);
  }
  const std::string digest = sha256_digest(bytes);
  const std::string target = "/api/v1/blobs/" + digest;
  const Json wanted = {{"digests", {digest}}};
  EXPECT_EQ(post("/api/v1/missing-blobs", wanted).json()["missing"].size(), 1U);
  EXPECT_EQ(exchange(port(), "PUT", target, "other bytes", key(kDeveloper)).status, 400);
  EXPECT_EQ(get(target).status, 404);
  EXPECT_EQ(exchange(port(), "PUT", target, bytes, key(kDeveloper)).status, 201);
  EXPECT_EQ(exchange(port(), "PUT", target, bytes, key(kDeveloper)).status, 201) << "again is no error";
  EXPECT_TRUE(post("/api/v1/missing-blobs", wanted).json()["missing"].empty());

  struct Case {
    const char* range;
    int status;
    std::size_t first;
    std::size_t size;
  };
  for (const Case& item : std::vector<Case>{{"", 200, 0, 700'000},
                                            {"bytes=0-", 206, 0, 700'000},
                                            {"bytes=300000-", 206, 300'000, 400'000},
                                            {"bytes=10-19", 206, 10, 10},
                                            {"bytes=699999-900000", 206, 699'999, 1},
                                            {"bytes=-5", 200, 0, 700'000},
                                            {"lines=1-", 200, 0, 700'000}}) {
    auto headers = key(kViewer);
    if (*item.range != 0) {
      headers["Range"] = item.range;
    }
    const RawResponse response = exchange(port(), "GET", target, "", headers);
    EXPECT_EQ(response.status, item.status) << item.range;
    EXPECT_TRUE(response.body == bytes.substr(item.first, item.size)) << item.range;
  }
  auto beyond = key(kViewer);
  beyond["Range"] = "bytes=700000-";
  EXPECT_EQ(exchange(port(), "GET", target, "", beyond).status, 416);
}

TEST_F(ApiTest, AnUploadCutInTheMiddleLeavesNothing) {
  start();
  const std::string bytes(500'000, 'y');
  const std::string digest = sha256_digest(bytes);
  {
    RawClient client(port());
    client.send("PUT /api/v1/blobs/" + digest + " HTTP/1.1\r\nAuthorization: Bearer " + kDeveloper +
                "\r\nContent-Length: 500000\r\n\r\n" + bytes.substr(0, 400'000));
  }
  EXPECT_EQ(get("/api/v1/blobs/" + digest).status, 404);
  EXPECT_EQ(exchange(port(), "PUT", "/api/v1/blobs/" + digest, bytes, key(kDeveloper)).status, 201);
}

TEST_F(ApiTest, ArtifactsNeedTheirBlobs) {
  start();
  const std::string artifact = put_artifact("dataset", "data.jsonl", "{}\n");
  EXPECT_EQ(get("/api/v1/artifacts/" + artifact).json()["files"][0]["path"], "data.jsonl");
  const Json file = {{"path", "a"}, {"digest", sha256_digest("absent")}, {"bytes", 6}};
  EXPECT_EQ(post("/api/v1/artifacts", {{"kind", "dataset"}, {"files", {file}}}).status, 409);
  const Json unsafe = {{"path", "../a"}, {"digest", sha256_digest("absent")}, {"bytes", 6}};
  EXPECT_EQ(post("/api/v1/artifacts", {{"kind", "dataset"}, {"files", {unsafe}}}).status, 400);
}

TEST_F(ApiTest, ModelsAreImportedAndAliasesMovedByCompareAndSet) {
  start();
  const std::string model = put_artifact("model", "config.json", "{}");
  const std::string adapter = put_artifact("adapter", "adapter_config.json", "{\"r\":1}");
  const std::string versions = "/api/v1/models/tiny/versions";
  EXPECT_EQ(post(versions, {{"artifact", adapter}}).status, 400) << "an adapter is not a model";
  EXPECT_EQ(post(versions, {{"artifact", sha256_digest("absent")}}).status, 409);
  EXPECT_EQ(post(versions, {{"artifact", model}, {"adapter", model}}).status, 400);
  EXPECT_EQ(post("/api/v1/models/a%40b/versions", {{"artifact", model}}).status, 400);

  const RawResponse first = post(versions, {{"artifact", model}, {"imported_from", "here"}});
  ASSERT_EQ(first.status, 201) << first.body;
  EXPECT_EQ(first.json()["version"], 1);
  EXPECT_EQ(first.json()["lineage"]["imported_from"], "here");
  EXPECT_EQ(post(versions, {{"artifact", model}, {"adapter", adapter}}).json()["version"], 2);

  const std::string alias = "/api/v1/models/tiny/aliases/production";
  const auto put = [&](const std::string& target, const Json& body) {
    return exchange(port(), "PUT", target, body.dump(), key(kDeveloper));
  };
  EXPECT_EQ(put(alias, {{"version", 1}}).status, 409) << "nobody has evaluated it";
  EXPECT_EQ(put(alias, {{"version", 1}, {"force", "yes"}}).status, 400);
  EXPECT_EQ(put(alias, {{"version", 1}, {"force", true}}).status, 200);
  EXPECT_EQ(put(alias, {{"version", 2}, {"expected_version", 7}}).status, 409);
  const RawResponse moved = put(alias, {{"version", 2}, {"expected_version", 1}, {"force", true}});
  EXPECT_EQ(moved.status, 200);
  EXPECT_EQ(moved.json()["previous_version"], 1);
  EXPECT_EQ(put(alias, {{"version", 9}}).status, 404);
  EXPECT_EQ(put(alias, Json::object()).status, 400);
  EXPECT_EQ(put("/api/v1/models/tiny/aliases/12", {{"version", 1}}).status, 400);
  const Json found = get("/api/v1/models/tiny").json();
  EXPECT_EQ(found["aliases"]["production"], 2);
  EXPECT_EQ(found["alias_history"].size(), 2U);
  EXPECT_EQ(get("/api/v1/models").json()["models"][0]["name"], "tiny");

  const std::string rollback = alias + "/rollback";
  EXPECT_EQ(post(rollback, {{"expected_version", 1}}).status, 409);
  EXPECT_EQ(post(rollback, {{"to", 0}}).status, 400);
  const RawResponse back = post(rollback, Json::object());
  EXPECT_EQ(back.json()["version"], 1);
  EXPECT_EQ(post(rollback, Json::object()).status, 409);
  const Json history = get("/api/v1/models/tiny").json()["alias_history"];
  EXPECT_EQ(history.back()["reason"], "rolled back from version 2");
  EXPECT_EQ(history.back()["by"], "dan");
}

TEST_F(ApiTest, VersionsAreDeletedByOwnersAndAdminsOnly) {
  start();
  const std::string versions = "/api/v1/models/tiny/versions";
  for (const char* bytes : {"{}", "{ }", "{  }"}) {
    post(versions, {{"artifact", put_artifact("model", "config.json", bytes)}}, kAdmin);
  }
  const auto remove = [&](const std::string& version, const char* secret) {
    return exchange(port(), "DELETE", versions + "/" + version, "", key(secret)).status;
  };
  EXPECT_EQ(remove("3", kViewer), 403);
  EXPECT_EQ(remove("3", kDeveloper), 403) << "it is the admin's";
  EXPECT_EQ(remove("three", kAdmin), 400);
  EXPECT_EQ(remove("3", kAdmin), 200);
  EXPECT_EQ(remove("3", kAdmin), 404);
  EXPECT_EQ(get("/api/v1/models/tiny").json()["versions"].size(), 2U);
  EXPECT_EQ(post(versions, {{"artifact", put_artifact("model", "config.json", "{   }")}}).json()["version"], 4);
  EXPECT_EQ(remove("4", kDeveloper), 200) << "their own";
}

TEST_F(ApiTest, VerifyNamesTheLinkThatIsBroken) {
  start();
  const std::string model = put_artifact("model", "config.json", "{\"a\":1}");
  const std::string adapter = put_artifact("adapter", "adapter_config.json", "{\"r\":1}");
  post("/api/v1/models/tiny/versions", {{"artifact", model}, {"adapter", adapter}, {"imported_from", "here"}});
  const std::string verify = "/api/v1/models/tiny/versions/1/verify";
  const auto lines = [&] {
    std::vector<Json> parsed;
    const std::string body = get(verify).body;
    for (std::size_t at = 0; at < body.size(); at = body.find('\n', at) + 1) {
      parsed.push_back(Json::parse(body.substr(at, body.find('\n', at) - at)));
    }
    return parsed;
  };
  std::vector<Json> whole = lines();
  ASSERT_EQ(whole.size(), 5U) << get(verify).body;
  EXPECT_EQ(whole[0]["link"], "tiny@1 base");
  EXPECT_EQ(whole[0]["bytes"], 7);
  EXPECT_EQ(whole[2]["detail"], "imported from here by dan");
  EXPECT_EQ(whole.back(), (Json{{"ok", true}, {"links", 4}, {"broken", 0}}));

  exchange(port(), "PUT", "/api/v1/models/tiny/aliases/production", "{\"version\": 1, \"force\": true}",
           key(kDeveloper));
  EXPECT_EQ(lines()[0]["link"], "tiny@production alias");
  EXPECT_EQ(lines()[0]["detail"], "moved by dan, by hand, forced: not evaluated");

  const std::string blob = sha256_digest("{\"r\":1}").substr(7);
  const auto path = folder_ / "artifacts" / "blobs" / blob.substr(0, 2) / blob;
  std::filesystem::permissions(path, std::filesystem::perms::owner_write, std::filesystem::perm_options::add);
  std::ofstream(path, std::ios::binary | std::ios::in) << "{\"r\":2}";
  whole = lines();
  EXPECT_TRUE(whole[1]["ok"]);
  EXPECT_FALSE(whole[2]["ok"]);
  EXPECT_NE(whole[2]["problem"].get<std::string>().find("'adapter_config.json'"), std::string::npos);
  EXPECT_EQ(whole.back()["broken"], 1);

  std::filesystem::remove(path);
  EXPECT_NE(lines()[2]["problem"].get<std::string>().find("is missing"), std::string::npos);
  EXPECT_EQ(get("/api/v1/models/tiny/versions/2/verify").status, 404);
  EXPECT_EQ(get("/api/v1/models/tiny/versions/x/verify").status, 400);
}

TEST_F(ApiTest, KeysAndJoinTokensAreShownOnceAndWork) {
  start();
  const RawResponse made = post("/api/v1/keys", {{"name", "robot"}, {"scope", "viewer"}}, kAdmin);
  ASSERT_EQ(made.status, 201) << made.body;
  const std::string secret = made.json()["key"];
  EXPECT_EQ(exchange(port(), "GET", "/api/v1/runs", "", key(secret)).status, 200);
  EXPECT_EQ(exchange(port(), "POST", "/api/v1/runs", "{}", key(secret)).status, 403);
  EXPECT_EQ(post("/api/v1/keys", {{"name", "robot"}, {"scope", "emperor"}}, kAdmin).status, 400);
  EXPECT_EQ(post("/api/v1/keys", {{"scope", "viewer"}}, kAdmin).status, 400);

  const RawResponse token = post("/api/v1/join-tokens", {{"uses", 1}, {"expires_seconds", 60}}, kAdmin);
  ASSERT_EQ(token.status, 201);
  const auto joined = store_->join(token.json()["token"], "credential-0123456789", "node", clock_.now().wall_ms);
  EXPECT_TRUE(joined.has_value());
  EXPECT_EQ(post("/api/v1/join-tokens", {{"uses", 0}}, kAdmin).status, 400);
  EXPECT_EQ(exchange(port(), "GET", "/api/v1/runs", "", key("credential-0123456789")).status, 403)
      << "an agent's credential opens nothing here";
}

TEST_F(ApiTest, AgentsAreCordonedDrainedAndListedAsSuch) {
  start();
  connect_agent("a-1");
  EXPECT_EQ(post("/api/v1/agents/a-1/cordon", Json::object(), kAdmin).json()["cordoned"], true);
  EXPECT_EQ(get("/api/v1/agents").json()["agents"][0]["cordoned"], true);
  EXPECT_EQ(post("/api/v1/agents/a-1/uncordon", Json::object(), kAdmin).json()["cordoned"], false);
  EXPECT_EQ(post("/api/v1/agents/a-1/drain", {{"deadline_seconds", -1}}, kAdmin).status, 400);
  EXPECT_EQ(post("/api/v1/agents/a-1/drain", {{"deadline_seconds", 60}}, kAdmin).json()["drain"], "drained")
      << "it runs nothing, so there is nothing to wait for";
  EXPECT_EQ(get("/api/v1/agents").json()["agents"][0]["drain"], "drained");
  EXPECT_EQ(exchange(port(), "DELETE", "/api/v1/agents/a-1", "", key(kAdmin)).status, 409) << "it is not lost";
}

TEST_F(ApiTest, MetricsArePagedByStep) {
  start();
  connect_agent("a-1");
  const std::string run = submit(kHello);
  std::vector<store::MetricPoint> points;
  for (int i = 1; i <= 5; ++i) {
    points.push_back({"train_loss", i, 1.0 / i, 1'000 + i});
  }
  ASSERT_TRUE(store_->append_metrics({RunId{run}, StepId{"hello"}, 1}, points).has_value());
  const std::string target = "/api/v1/runs/" + run + "/steps/hello/metrics?series=train_loss";
  const Json first = get(target + "&limit=3").json();
  EXPECT_EQ(first["points"].size(), 3U);
  EXPECT_EQ(first["next"], 3);
  const Json rest = get(target + "&limit=3&after=3").json();
  EXPECT_EQ(rest["points"].size(), 2U);
  EXPECT_TRUE(rest["next"].is_null());
  EXPECT_EQ(rest["points"][1]["value"], 0.2);
  EXPECT_EQ(get("/api/v1/runs/" + run + "/steps/nope/metrics").status, 404);
}

}  // namespace
}  // namespace luthier::http
