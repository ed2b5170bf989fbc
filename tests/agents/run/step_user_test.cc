// Steps of another user: what is given to it, and what stays the agent's. Needs root for all but the refusals.
#include "agents/run/step_user.h"

#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "tests/agents/run/folder_fixture.h"

namespace luthier::agents {
namespace {

using ::testing::HasSubstr;

class StepUserTest : public FolderTest {
 protected:
  void SetUp() override {
    if (::geteuid() != 0) {
      GTEST_SKIP() << "only root can run steps as another user";
    }
    std::filesystem::permissions(folder_, std::filesystem::perms(0711));
  }
  static uid_t owner_of(const std::filesystem::path& path) {
    struct stat status {};
    return ::lstat(path.c_str(), &status) == 0 ? status.st_uid : static_cast<uid_t>(-1);
  }
};

TEST_F(StepUserTest, an_agent_that_is_not_root_is_told_so) {
  std::string message;
  std::thread([&message] {  // the system call concerns this thread alone
    ASSERT_EQ(::syscall(SYS_setresuid, 65534, 65534, 65534), 0);
    message = find_step_user("nobody").error().message;
  })
      .join();
  EXPECT_THAT(message, HasSubstr("only an agent that runs as root"));
  EXPECT_THAT(message, HasSubstr("this one is user 65534"));
}

TEST_F(StepUserTest, a_user_comes_with_its_groups) {
  const auto user = find_step_user("nobody");
  ASSERT_TRUE(user) << user.error().message;
  EXPECT_EQ(user->uid, 65534U);
  EXPECT_THAT(user->groups, ::testing::Contains(user->gid));
  EXPECT_THAT(find_step_user("root").error().message, HasSubstr("steps would be root"));
  EXPECT_THAT(find_step_user("no-such-user").error().message, HasSubstr("useradd"));
}

TEST_F(StepUserTest, what_a_thread_reads_as_the_user_is_what_the_user_may_read) {
  put("secret", "x");
  std::filesystem::permissions(folder_ / "secret", std::filesystem::perms(0600));
  const std::optional<ChildUser> nobody = *find_step_user("nobody");
  {
    const AsUser user(nobody);
    EXPECT_FALSE(read_file(folder_ / "secret"));
  }
  EXPECT_TRUE(read_file(folder_ / "secret"));
  const AsUser nothing(std::nullopt);
  EXPECT_TRUE(read_file(folder_ / "secret"));
}

TEST_F(StepUserTest, an_attempt_is_given_without_what_its_links_point_to) {
  const ChildUser nobody = *find_step_user("nobody");
  put("attempt/job.json", "{}");
  put("attempt/attempt.json", "{}");
  put("attempt/work/tmp/x", "");
  put("elsewhere", "");
  std::filesystem::create_symlink(folder_ / "elsewhere", folder_ / "attempt/work/link");
  const auto given = give_attempt_to(folder_ / "attempt", nobody);
  ASSERT_TRUE(given) << given.error().message;
  for (const char* own : {"job.json", "work", "work/tmp", "work/tmp/x", "work/link"}) {
    EXPECT_EQ(owner_of(folder_ / "attempt" / own), 65534U) << own;
  }
  for (const char* kept : {"attempt", "attempt/attempt.json", "elsewhere"}) {
    EXPECT_EQ(owner_of(folder_ / kept), 0U) << kept;
  }
}

TEST_F(StepUserTest, a_folder_that_the_user_cannot_reach_is_named) {
  const ChildUser nobody = *find_step_user("nobody");
  EXPECT_TRUE(open_data_to(folder_ / "data", nobody));
  std::filesystem::permissions(folder_, std::filesystem::perms(0700));
  const auto refused = open_data_to(folder_ / "data", nobody);
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().message, HasSubstr("chmod o+x " + folder_.string()));
}

}  // namespace
}  // namespace luthier::agents
