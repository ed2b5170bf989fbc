#include "controller/config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

namespace luthier::controller {
namespace {

using testing::HasSubstr;

Environment environment(std::map<std::string, std::string> values) {
  return [values = std::move(values)](const std::string& name) -> std::optional<std::string> {
    const auto found = values.find(name);
    return found == values.end() ? std::nullopt : std::optional<std::string>(found->second);
  };
}

std::string write_config(const std::string& content) {
  const std::string path = testing::TempDir() + "/config_test_" + std::to_string(::getpid()) + ".conf";
  std::ofstream(path) << content;
  return path;
}

TEST(Config, DefaultsHoldWhenNothingIsSaid) {
  const Result<ParsedConfig> parsed = parse_config({"--data", "d"}, environment({}));
  ASSERT_TRUE(parsed);
  EXPECT_EQ(parsed->action, Action::kRun);
  EXPECT_EQ(parsed->config.http_host, "127.0.0.1");
  EXPECT_EQ(parsed->config.http_port, 7070);
  EXPECT_EQ(parsed->config.grpc_port, 7071);
  EXPECT_EQ(parsed->config.agent_silence, milliseconds(10'000));
  EXPECT_EQ(parsed->config.start_grace, milliseconds(15'000));
}

TEST(Config, FlagBeatsEnvironmentBeatsFileBeatsDefault) {
  const std::string file = write_config("# a comment\nhttp-port = 1\ngrpc-port = 1  # another\nagent-silence = 1s\n\n");
  const Result<ParsedConfig> parsed =
      parse_config({"--config", file, "--data=d", "--http-port", "3"},
                   environment({{"LUTHIER_HTTP_PORT", "2"}, {"LUTHIER_GRPC_PORT", "2"}}));
  ASSERT_TRUE(parsed) << parsed.error().message;
  EXPECT_EQ(parsed->config.http_port, 3);
  EXPECT_EQ(parsed->config.grpc_port, 2);
  EXPECT_EQ(parsed->config.agent_silence, milliseconds(1'000));
  EXPECT_EQ(parsed->origins.at("http-port"), "flag");
  EXPECT_EQ(parsed->origins.at("grpc-port"), "LUTHIER_GRPC_PORT");
  EXPECT_EQ(parsed->origins.at("agent-silence"), file + ":4");
  EXPECT_EQ(parsed->origins.at("http-host"), "default");
}

TEST(Config, TheGracePeriodIsNeverShorterThanTheSilence) {
  const Result<ParsedConfig> parsed = parse_config({"--data", "d", "--agent-silence", "1m"}, environment({}));
  ASSERT_TRUE(parsed);
  EXPECT_EQ(parsed->config.start_grace, milliseconds(60'000));
}

TEST(Config, SaysWhatIsWrongAndWhere) {
  struct Case {
    std::vector<std::string> arguments;
    std::map<std::string, std::string> environment;
    std::string message;
  };
  const std::string unknown = write_config("data = d\nhtp-port = 1\n");
  const Case cases[] = {
      {{}, {}, "--data DIR is required"},
      {{"--data"}, {}, "--data needs a value"},
      {{"--data", "d", "--nonsense"}, {}, "there is no option '--nonsense'"},
      {{"d"}, {}, "'d' is not an option"},
      {{"--data", "d", "--http-port", "70000"}, {}, "--http-port: '70000' is not a port from 0 to 65535"},
      {{"--data", "d", "--http-port", "7x"}, {}, "'7x' is not a port"},
      {{"--data", "d"}, {{"LUTHIER_GRPC_PORT", "-1"}}, "LUTHIER_GRPC_PORT: '-1' is not a port"},
      {{"--data", "d", "--agent-silence", "10"}, {}, "'10' is not a duration"},
      {{"--data", "d", "--agent-silence", "1ms"}, {}, "at least 500ms"},
      {{"--data", "d", "--start-grace", "2s"}, {}, "start-grace must not be shorter"},
      {{"--data", "d", "--log-pretty=maybe"}, {}, "neither true nor false"},
      {{"--data", "d", "--http-host", "0.0.0.0"}, {}, "'0.0.0.0' is not a loopback address"},
      {{"--data", "d", "--grpc-host", "10.0.0.1"}, {}, "--grpc-host: '10.0.0.1' is not a loopback address"},
      {{"--data", "d", "--http-host", "127.0.0.1.example.com"}, {}, "is not a loopback address"},
      {{"--config", unknown}, {}, unknown + ":2: there is no option 'htp-port'"},
      {{"--config", "/nowhere/at/all"}, {}, "/nowhere/at/all"},
  };
  for (const Case& one : cases) {
    const Result<ParsedConfig> parsed = parse_config(one.arguments, environment(one.environment));
    ASSERT_FALSE(parsed) << one.message;
    EXPECT_THAT(parsed.error().message, HasSubstr(one.message));
  }
}

TEST(Config, HelpNamesEveryOptionWithItsEnvironmentVariable) {
  const std::string help = config_help();
  EXPECT_EQ(parse_config({"--help"}, environment({}))->action, Action::kHelp);
  for (const char* text : {"--data DIR", "--http-port N", "[7070]", "LUTHIER_AGENT_SILENCE", "--ready-file PATH",
                           "--log-pretty", "--config FILE", "--print-config"}) {
    EXPECT_THAT(help, HasSubstr(text));
  }
}

TEST(Config, PrintsValuesAndOrigins) {
  const Result<ParsedConfig> parsed = parse_config({"--print-config", "--data", "d", "--log-pretty"}, environment({}));
  ASSERT_TRUE(parsed);
  EXPECT_EQ(parsed->action, Action::kPrintConfig);
  const std::string text = print_config(*parsed);
  EXPECT_THAT(text, HasSubstr("data = d  # flag\n"));
  EXPECT_THAT(text, HasSubstr("log-pretty = true  # flag\n"));
  EXPECT_THAT(text, HasSubstr("agent-silence = 10s  # default\n"));
}

}  // namespace
}  // namespace luthier::controller
