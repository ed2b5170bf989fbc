#include "cli/misread.h"

#include <gtest/gtest.h>

namespace luthier::cli {
namespace {

TEST(Misread, NamesTheFirstUnknownWordAndTheNearestKnownOne) {
  CLI::App app("program", "luthier");
  app.fallthrough();
  app.require_subcommand(1);
  std::string text;
  int number = 0;
  app.add_option("--data", text);
  CLI::App* run = app.add_subcommand("run", "");
  run->add_option("FILE", text)->required();
  run->add_option("-p,--param", text);
  CLI::App* models = app.add_subcommand("models", "");
  models->require_subcommand(1);
  models->add_subcommand("list", "")->add_option("--limit", number);
  const struct {
    std::vector<std::string> arguments;
    std::string expected;
  } cases[] = {
      {{"rn", "a.yaml"}, "'luthier' has no command 'rn'; did you mean 'run'? See `luthier --help`"},
      {{"--data", "rn", "xyz"}, "'luthier' has no command 'xyz'; known: run, models; see `luthier --help`"},
      {{"models", "lst"}, "'luthier models' has no command 'lst'; did you mean 'list'? See `luthier models --help`"},
      {{"models", "list", "--limt=3"},
       "'luthier models list' has no option '--limt'; did you mean '--limit'? See `luthier models list --help`"},
      {{"models", "list", "--dta", "x"},
       "'luthier models list' has no option '--dta'; did you mean '--data'? See `luthier models list --help`"},
      {{"models", "list", "--qqqqqqqq"},
       "'luthier models list' has no option '--qqqqqqqq'; known: --help, --data, --limit; see `luthier models list "
       "--help`"},
      {{"run", "a.yaml", "-x"}, "'luthier run' has no option '-x'; see `luthier run --help`"},
      {{"run"}, "FILE is required; see `luthier run --help`"},
      {{"run", "-p", "--dta"}, "FILE is required; see `luthier run --help`"},
      {{"run", "-p", "a=1"}, "FILE is required; see `luthier run --help`"},
      {{}, "A subcommand is required; see `luthier --help`"},
  };
  for (const auto& [arguments, expected] : cases) {
    std::vector<std::string> reversed(arguments.rbegin(), arguments.rend());
    try {
      app.parse(reversed);
      ADD_FAILURE() << "this parses: " << expected;
    } catch (const CLI::ParseError& error) {
      EXPECT_EQ(explain_misread(app, arguments, error), expected);
    }
  }
}

}  // namespace
}  // namespace luthier::cli
