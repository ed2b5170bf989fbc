#include "agents/config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>

#include "base/file.h"

namespace luthier::agents {
namespace {

using ::testing::HasSubstr;

const char* empty_environment(const char*) { return nullptr; }
const char* some_environment(const char* name) {
  const std::string_view text = name;
  return text == "LUTHIER_AGENT_NAME" ? "from-environment" : text == "LUTHIER_AGENT_CPUS" ? "3" : nullptr;
}

TEST(AgentConfigTest, flags_win_over_environment_over_defaults) {
  const auto parsed = parse_config({"--data", "/d", "--name=from-flag", "--log-pretty"}, some_environment);
  ASSERT_TRUE(parsed) << parsed.error().message;
  EXPECT_EQ(parsed->config.name, "from-flag");
  EXPECT_EQ(parsed->config.cpus, 3);
  EXPECT_EQ(parsed->config.controller, "127.0.0.1:7071");
  EXPECT_TRUE(parsed->config.log_pretty);
  EXPECT_EQ(parsed->config.data, "/d");
}

TEST(AgentConfigTest, shows_each_value_and_where_it_is_from) {
  const auto parsed = parse_config({"--print-config", "--data", "/d"}, some_environment);
  ASSERT_TRUE(parsed);
  EXPECT_EQ(parsed->action, ConfigAction::kPrintConfig);
  EXPECT_THAT(parsed->text, HasSubstr("data = /d  (--data)\n"));
  EXPECT_THAT(parsed->text, HasSubstr("cpus = 3  (LUTHIER_AGENT_CPUS)\n"));
  EXPECT_THAT(parsed->text, HasSubstr("stop-grace = 10s  (default)\n"));
}

TEST(AgentConfigTest, the_file_is_between_defaults_and_environment) {
  const std::string file = ::testing::TempDir() + "agent-" + std::to_string(::getpid()) + ".conf";
  ASSERT_TRUE(write_file_atomically(file, "# settings\ncpus = 2\n stop-grace = 3s # short\nlabel = gpu=a100,zone=b\n"));
  const auto parsed =
      parse_config({"--config", file, "--print-config", "--data", "/d", "--label", "zone=c"}, some_environment);
  ASSERT_TRUE(parsed) << parsed.error().message;
  EXPECT_EQ(parsed->config.cpus, 3);  // of the environment
  EXPECT_EQ(parsed->config.stop_grace, milliseconds(3'000));
  EXPECT_EQ(parsed->config.labels, (std::map<std::string, std::string>{{"gpu", "a100"}, {"zone", "c"}}));
  EXPECT_THAT(parsed->text, HasSubstr("stop-grace = 3s  (" + file + ":3)\n"));
  ASSERT_TRUE(write_file_atomically(file, "cpus = 2\nlabels = x=y\n"));
  EXPECT_EQ(parse_config({"--config=" + file}, empty_environment).error().message,
            file + ":2: there is no setting 'labels'; see luthier-agent --help");
  std::filesystem::remove(file);
}

struct BadCase {
  std::vector<std::string> arguments;
  const char* message;
};

TEST(AgentConfigTest, names_what_is_wrong) {
  const BadCase cases[] = {
      {{}, "--data DIR is required"},
      {{"--data"}, "--data needs a value"},
      {{"--dta", "x"}, "unknown argument '--dta'"},
      {{"--data", "/d", "--cpus", "none"}, "--cpus 'none': must be a number above 0"},
      {{"--data", "/d", "--cpus", "nan"}, "must be a number above 0"},
      {{"--data", "/d", "--controller", "localhost"}, "must be HOST:PORT"},
      {{"--data", "/d", "--stop-grace", "10"}, "must be a duration"},
      {{"--data", "/d", "--stop-grace", "-1s"}, "must be a duration"},
      {{"--data", "/d", "--cache-bytes", "1GB"}, "whole number of bytes"},
      {{"--data", ""}, "must not be empty"},
      {{"--data", "/d", "--label", "gpu"}, "--label 'gpu': must be KEY=VALUE"},
      {{"--data", "/d", "--label", "=x"}, "must be KEY=VALUE"},
      {{"--data", "/d", "--drain=maybe"}, "must be true or false"},
      {{"--data", "/d", "--config", "/nowhere"}, "/nowhere"},
  };
  for (const BadCase& one : cases) {
    const auto parsed = parse_config(one.arguments, empty_environment);
    ASSERT_FALSE(parsed) << one.message;
    EXPECT_THAT(parsed.error().message, HasSubstr(one.message));
  }
}

TEST(AgentConfigTest, help_names_every_flag_and_needs_nothing_else) {
  const auto parsed = parse_config({"--help"}, empty_environment);
  ASSERT_TRUE(parsed);
  EXPECT_EQ(parsed->action, ConfigAction::kPrintHelp);
  for (const char* flag : {"--data", "--controller", "--join-token-file", "--worker", "--orphan-timeout"}) {
    EXPECT_THAT(parsed->text, HasSubstr(flag));
  }
}

TEST(DurationTest, reads_a_number_and_a_unit) {
  EXPECT_EQ(parse_duration("500ms").value(), milliseconds(500));
  EXPECT_EQ(parse_duration("2h").value(), milliseconds(7'200'000));
  EXPECT_FALSE(parse_duration("1d"));
  EXPECT_FALSE(parse_duration("s"));
}

}  // namespace
}  // namespace luthier::agents
