#include <fcntl.h>
#include <gmock/gmock.h>
#include <sys/stat.h>

#include "tests/controller/http/api_fixture.h"

namespace luthier::http {
namespace {

using testing::HasSubstr;

class UpkeepTest : public ApiTest {
 protected:
  // As if everything had been uploaded two days ago.
  void age_artifacts() {
    const std::int64_t second = clock_.now().wall_ms / 1'000 - 2 * 86'400;
    const timespec times[2] = {{second, 0}, {second, 0}};
    for (const auto& file : std::filesystem::recursive_directory_iterator(folder_ / "artifacts")) {
      ASSERT_EQ(::utimensat(AT_FDCWD, file.path().c_str(), times, 0), 0);
    }
  }
  Json gc(bool dry_run) {
    const RawResponse response = post("/api/v1/gc", {{"dry_run", dry_run}}, kAdmin);
    EXPECT_EQ(response.status, 200) << response.body;
    return response.json();
  }
};

TEST_F(UpkeepTest, ACollectionKeepsModelsAndWhatWasUploadedLately) {
  start();
  const std::string model = put_artifact("model", "config.json", "{}");
  ASSERT_EQ(post("/api/v1/models/m/versions", {{"artifact", model}}).status, 201);
  put_artifact("dataset", "rows.jsonl", "nobody needs this");
  EXPECT_EQ(gc(false)["deleted"], (Json{{"artifacts", 0}, {"blobs", 0}, {"bytes", 0}}));
  age_artifacts();
  const Json planned = gc(true);
  EXPECT_EQ(planned["deleted"]["artifacts"], 1);
  EXPECT_EQ(planned["deleted"]["blobs"], 1);
  EXPECT_EQ(gc(false)["deleted"], planned["deleted"]);
  EXPECT_EQ(gc(false)["deleted"]["blobs"], 0);
  EXPECT_TRUE(artifacts_->get_manifest(model));
}

TEST_F(UpkeepTest, ACollectionNeedsAnAdminAndAPlainBody) {
  start();
  EXPECT_EQ(post("/api/v1/gc", Json::object()).status, 403);
  EXPECT_EQ(post("/api/v1/gc", {{"dry_run", "yes"}}, kAdmin).status, 400);
  EXPECT_EQ(exchange(port(), "GET", "/api/v1/journal", "", key(kDeveloper)).status, 403);
}

TEST_F(UpkeepTest, TheJournalIsReadInPagesAndGivesTheStateOfAnyRecord) {
  start();
  connect_agent("a-1");
  submit(kHello);
  Json records = Json::array();
  Json next = 0;
  while (!next.is_null()) {
    const RawResponse page = exchange(port(), "GET", "/api/v1/journal?limit=2&after=" + next.dump(), "", key(kAdmin));
    ASSERT_EQ(page.status, 200) << page.body;
    const Json body = page.json();
    for (const Json& record : body["records"]) {
      EXPECT_EQ(record["index"], records.size() + 1);
      records.push_back(record);
    }
    next = body["next"];
  }
  ASSERT_GE(records.size(), 4U);
  EXPECT_EQ(records[0]["event"], "controller_started");
  const auto state_at = [this](std::size_t index) {
    return exchange(port(), "GET", "/api/v1/journal/state?at=" + std::to_string(index), "", key(kAdmin));
  };
  EXPECT_TRUE(state_at(2).json()["state"]["runs"].empty());
  EXPECT_EQ(state_at(records.size()).json()["state"]["runs"].size(), 1U);
  EXPECT_EQ(state_at(records.size() + 1).status, 404);
  EXPECT_EQ(state_at(0).status, 400);
}

TEST_F(UpkeepTest, AShortDiskRefusesRunsAndIsTheReasonOfWhatWaits) {
  start();
  const std::string run = submit(kHello);
  runtime_->post(core::StorageReport{"1 MiB is free"});
  const Json waiting = wait_for_run(run, [](const Json& found) {
    return found["steps"][0]["reason"].get<std::string>().find("disk") != std::string::npos;
  });
  EXPECT_THAT(waiting["steps"][0]["reason"].get<std::string>(), HasSubstr("1 MiB is free"));
  const RawResponse refused = post("/api/v1/runs", {{"yaml", kHello}, {"file", "test.yaml"}});
  EXPECT_EQ(refused.status, 429);
  EXPECT_THAT(refused.body, HasSubstr("1 MiB is free"));
  runtime_->post(core::StorageReport{});
  submit(kHello);
}

}  // namespace
}  // namespace luthier::http
