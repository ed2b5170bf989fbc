#include <algorithm>
#include <cctype>

#include "base/version.h"
#include "cli/command_tree.h"
#include "cli/exit_codes.h"
#include "cli/reference.h"

namespace luthier::cli {
namespace {

// Text for man(7): backslashes, dashes of options and quotes escaped; no line starts with a control character.
std::string roff(const std::string& text) {
  std::string escaped;
  for (const char character : text) {
    const bool line_starts = escaped.empty() || escaped.back() == '\n';
    switch (character) {
      case '\\': escaped += "\\e"; break;
      case '-': escaped += "\\-"; break;
      case '`': escaped += "\\(ga"; break;
      case '\'': escaped += "\\(aq"; break;
      case '~': escaped += "\\(ti"; break;
      case '^': escaped += "\\(ha"; break;
      case '.': escaped += line_starts ? "\\&." : "."; break;
      default: escaped += character;
    }
  }
  return escaped;
}

std::string page_name(const std::vector<std::string>& path) {
  std::string name;
  for (const std::string& part : path) {
    name += (name.empty() ? "" : "-") + part;
  }
  return name;
}

std::string upper(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(),
                 [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
  return text;
}

std::string synopsis(const CommandFacts& command) {
  std::string line = ".B";
  for (const std::string& part : command.path) {
    line += " " + roff(part);
  }
  std::string rest;
  const bool has_options = std::any_of(command.options.begin(), command.options.end(),
                                       [](const OptionFacts& option) { return !option.positional; });
  rest += has_options ? " [\\fIoptions\\fR]" : "";
  for (const OptionFacts& option : command.options) {
    if (option.positional) {
      const std::string value = "\\fI" + roff(option.names.front()) + "\\fR" + (option.repeated ? " ..." : "");
      rest += option.required ? " " + value : " [" + value + "]";
    }
  }
  rest += command.commands.empty() ? "" : " [\\fIcommand\\fR]";
  return line + "\n" + (rest.empty() ? "" : rest.substr(1) + "\n");
}

std::string option_paragraph(const OptionFacts& option) {
  std::string head;
  for (const std::string& name : option.names) {
    head += (head.empty() ? "" : ", ") + ((option.positional ? "\\fI" : "\\fB") + roff(name) + "\\fR");
  }
  if (!option.positional && !option.value.empty()) {
    head += " \\fI" + roff(option.value) + "\\fR";
  }
  std::string body = roff(option.help);
  for (std::size_t i = 0; i < option.choices.size(); ++i) {
    body += (i == 0 ? "; one of " : ", ") + roff(option.choices[i]);
  }
  body += option.fallback.empty() ? "" : " [" + roff(option.fallback) + "]";
  return ".TP\n" + head + "\n" + (body.empty() ? "\\&" : body) + "\n";
}

std::string options_section(const std::string& title, const CommandFacts& command, bool positional) {
  std::string text;
  for (const OptionFacts& option : command.options) {
    text += option.positional == positional ? option_paragraph(option) : "";
  }
  return text.empty() ? "" : ".SH " + title + "\n" + text;
}

std::string commands_section(const CommandFacts& command) {
  std::string text;
  for (const CommandFacts& below : command.commands) {
    text += ".TP\n.B " + roff(below.path.back()) + "\n" + roff(below.help) + "\n";
  }
  return text.empty() ? "" : ".SH COMMANDS\n" + text;
}

std::string exit_section() {
  std::string text = ".SH EXIT STATUS\n";
  for (const ExitCode& exit : kExitCodes) {
    text += ".TP\n.B " + std::to_string(exit.code) + "\n" + roff(exit.meaning) + "\n";
  }
  return text;
}

std::string environment_section() {
  return ".SH ENVIRONMENT\n"
         ".TP\n.B LUTHIER_URL\nWhere the controller is; \\fB\\-\\-url\\fR goes before it, the file \\fIurl\\fR of the "
         "data "
         "folder after it.\n"
         ".TP\n.B LUTHIER_API_KEY\nThe key; \\fB\\-\\-key\\-file\\fR goes before it, the file \\fIadmin.key\\fR of the "
         "data "
         "folder after it.\n"
         ".TP\n.B LUTHIER_DATA\nThe data folder, where \\fB\\-\\-data\\fR does not name one.\n";
}

std::string see_also(const CommandFacts& command) {
  std::vector<std::string> pages;
  if (command.path.size() > 1) {
    pages.push_back(page_name({command.path.begin(), command.path.end() - 1}));
  }
  for (const CommandFacts& below : command.commands) {
    pages.push_back(page_name(below.path));
  }
  std::string text;
  for (std::size_t i = 0; i < pages.size(); ++i) {
    text += ".BR " + roff(pages[i]) + " (1)" + (i + 1 < pages.size() ? " ," : "") + "\n";
  }
  return text.empty() ? "" : ".SH SEE ALSO\n" + text;
}

ManPage page_of(const CommandFacts& command, const CommandFacts& program) {
  const std::string name = page_name(command.path);
  const bool whole = command.path.size() == 1;
  std::string text = ".TH " + roff(upper(name)) + " 1 " + kReleaseDate + " \"luthier " + kVersion + "\" Luthier\n";
  text += ".SH NAME\n" + roff(name) + " \\- " + roff(command.help) + "\n";
  text += ".SH SYNOPSIS\n" + synopsis(command);
  text += commands_section(command) + options_section("ARGUMENTS", command, true) +
          options_section("OPTIONS", command, false);
  text += whole ? "" : options_section("GLOBAL OPTIONS", program, false);
  text += environment_section() + exit_section() + see_also(command);
  return {name, text};
}

void add_pages(const CommandFacts& command, const CommandFacts& program, std::vector<ManPage>& pages) {
  pages.push_back(page_of(command, program));
  for (const CommandFacts& below : command.commands) {
    add_pages(below, program, pages);
  }
}

}  // namespace

Result<ManPage> man_page(const CLI::App& program, const std::vector<std::string>& path) {
  const CommandFacts tree = read_tree(program);
  const CommandFacts* command = &tree;
  for (const std::string& name : path) {
    const auto found = std::find_if(command->commands.begin(), command->commands.end(),
                                    [&](const CommandFacts& below) { return below.path.back() == name; });
    if (found == command->commands.end()) {
      std::string known;
      for (const CommandFacts& below : command->commands) {
        known += (known.empty() ? "" : ", ") + below.path.back();
      }
      return Error{ErrorCode::kInvalidArgument, "`" + page_name(command->path) + "` has no command '" + name + "'" +
                                                    (known.empty() ? "" : "; it has " + known)};
    }
    command = &*found;
  }
  return page_of(*command, tree);
}

std::vector<ManPage> man_pages(const CLI::App& program) {
  const CommandFacts tree = read_tree(program);
  std::vector<ManPage> pages;
  add_pages(tree, tree, pages);
  return pages;
}

}  // namespace luthier::cli
