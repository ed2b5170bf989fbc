#include "cli/command_tree.h"

#include <algorithm>

namespace luthier::cli {
namespace {

// CLI11 writes the choices of IsMember into the type's name: "TEXT:{text,json}".
std::vector<std::string> choices_of(const std::string& type_name) {
  const std::size_t open = type_name.find('{');
  const std::size_t close = type_name.find('}', open == std::string::npos ? 0 : open);
  std::vector<std::string> choices;
  if (open == std::string::npos || close == std::string::npos) {
    return choices;
  }
  std::string choice;
  for (std::size_t i = open + 1; i <= close; ++i) {
    if (type_name[i] == ',' || i == close) {
      choices.push_back(choice);
      choice.clear();
    } else {
      choice += type_name[i];
    }
  }
  return choices;
}

std::string value_of(const std::string& type_name) {
  const std::string name = type_name.substr(0, type_name.find_first_of(": "));
  return name.empty() ? "VALUE" : name;
}

OptionFacts read_option(const CLI::Option& option) {
  OptionFacts facts;
  facts.positional = option.get_positional();
  if (facts.positional) {
    facts.names.push_back(option.get_name(true));
  } else {
    for (const std::string& name : option.get_snames()) {
      facts.names.push_back("-" + name);
    }
    for (const std::string& name : option.get_lnames()) {
      facts.names.push_back("--" + name);
    }
  }
  const std::string type_name = option.get_type_name();
  facts.choices = choices_of(type_name);
  if (option.get_items_expected_max() > 0) {
    facts.value = facts.positional ? facts.names.front() : value_of(type_name);
  }
  facts.help = option.get_description();
  facts.fallback = option.get_default_str();
  facts.required = option.get_required();
  facts.repeated =
      option.get_items_expected_max() > 1 || option.get_multi_option_policy() == CLI::MultiOptionPolicy::TakeAll;
  return facts;
}

CommandFacts read_command(const CLI::App& app, std::vector<std::string> path) {
  CommandFacts facts;
  path.push_back(app.get_name());
  facts.help = app.get_description();
  for (const CLI::Option* option : app.get_options([](const CLI::Option*) { return true; })) {
    facts.options.push_back(read_option(*option));
  }
  for (const CLI::App* command : app.get_subcommands([](const CLI::App*) { return true; })) {
    facts.commands.push_back(read_command(*command, path));
  }
  facts.path = std::move(path);
  return facts;
}

}  // namespace

bool OptionFacts::takes_file() const {
  const std::string& name = positional ? names.front() : names.back();
  return name == "FILE" || name == "DIR" || name.ends_with("-file") || name == "--data" || name == "--directory";
}

CommandFacts read_tree(const CLI::App& program) { return read_command(program, {}); }

}  // namespace luthier::cli
