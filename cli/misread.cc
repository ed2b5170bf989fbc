#include "cli/misread.h"

#include <algorithm>

#include "pipelines/spec/diagnostic.h"

namespace luthier::cli {
namespace {

const CLI::App* command_of(const CLI::App& app, const std::string& name) {
  for (const CLI::App* command : app.get_subcommands([](const CLI::App*) { return true; })) {
    if (command->check_name(name)) {
      return command;
    }
  }
  return nullptr;
}

std::vector<std::string> commands_of(const CLI::App& app) {
  std::vector<std::string> names;
  for (const CLI::App* command : app.get_subcommands([](const CLI::App*) { return true; })) {
    names.push_back(command->get_name());
  }
  return names;
}

bool takes_words(const CLI::App& app) {
  return !app.get_options([](const CLI::Option* option) { return option->get_positional(); }).empty();
}

// Commands from the program down to the one that was reached: options of all of them are known there.
class Reached {
 public:
  explicit Reached(const CLI::App& program) : chain_{&program} {}

  void descend(const CLI::App& command) { chain_.push_back(&command); }
  [[nodiscard]] const CLI::App& command() const { return *chain_.back(); }

  [[nodiscard]] const CLI::Option* option(const std::string& name) const {
    for (const CLI::App* app : chain_) {
      if (const CLI::Option* found = app->get_option_no_throw(name); found != nullptr) {
        return found;
      }
    }
    return nullptr;
  }

  [[nodiscard]] std::vector<std::string> option_names() const {
    std::vector<std::string> names;
    for (const CLI::App* app : chain_) {
      for (const CLI::Option* option : app->get_options([](const CLI::Option*) { return true; })) {
        for (const std::string& name : option->get_lnames()) {
          if (std::find(names.begin(), names.end(), "--" + name) == names.end()) {  // each command has a --help
            names.push_back("--" + name);
          }
        }
      }
    }
    return names;
  }

  [[nodiscard]] std::string name() const {
    std::string text;
    for (const CLI::App* app : chain_) {
      text += (text.empty() ? "" : " ") + app->get_name();
    }
    return text;
  }

 private:
  std::vector<const CLI::App*> chain_;
};

}  // namespace

std::string explain_misread(const CLI::App& program, const std::vector<std::string>& arguments,
                            const CLI::ParseError& error) {
  Reached reached(program);
  std::string problem;
  for (std::size_t i = 0; i < arguments.size() && problem.empty() && arguments[i] != "--"; ++i) {
    const std::string& word = arguments[i];
    if (word.size() > 1 && word.front() == '-') {
      const std::string name = word.substr(0, word.starts_with("--") ? word.find('=') : 2);
      const CLI::Option* option = reached.option(name);
      if (option == nullptr) {
        problem = "'" + reached.name() + "' has no option '" + name + "'" +
                  spec::suggestion(name, name.starts_with("--") ? reached.option_names() : std::vector<std::string>{});
      } else if (option->get_items_expected_max() > 0 && name == word) {
        ++i;  // its value
      }
    } else if (const CLI::App* command = command_of(reached.command(), word); command != nullptr) {
      reached.descend(*command);
    } else if (!commands_of(reached.command()).empty() && !takes_words(reached.command())) {
      problem = "'" + reached.name() + "' has no command '" + word + "'" +
                spec::suggestion(word, commands_of(reached.command()));
    }
  }
  if (problem.empty()) {
    problem = error.what();
  }
  return problem + (problem.ends_with('?') ? " See" : "; see") + " `" + reached.name() + " --help`";
}

}  // namespace luthier::cli
