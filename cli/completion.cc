#include <algorithm>
#include <functional>

#include "cli/command_tree.h"
#include "cli/reference.h"

namespace luthier::cli {
namespace {

std::string joined(const std::vector<std::string>& parts, const std::string& separator) {
  std::string text;
  for (const std::string& part : parts) {
    text += (text.empty() ? "" : separator) + part;
  }
  return text;
}

void each_command(const CommandFacts& command, const std::function<void(const CommandFacts&)>& visit) {
  visit(command);
  for (const CommandFacts& below : command.commands) {
    each_command(below, visit);
  }
}

// 'text' for a shell; a quote ends the quoting, is escaped, and starts it again.
std::string quoted(const std::string& text) {
  std::string result = "'";
  for (const char character : text) {
    result += character == '\'' ? std::string("'\\''") : std::string(1, character);
  }
  return result + "'";
}

// What may follow a command: its commands, its options, the program's options, choices of its positional ones.
std::string words_of(const CommandFacts& command, const CommandFacts& program) {
  std::vector<std::string> words;
  for (const CommandFacts& below : command.commands) {
    words.push_back(below.path.back());
  }
  const auto add_options = [&words](const CommandFacts& owner) {
    for (const OptionFacts& option : owner.options) {
      const auto& added = option.positional ? option.choices : option.names;
      for (const std::string& word : added) {
        if (std::find(words.begin(), words.end(), word) == words.end()) {
          words.push_back(word);
        }
      }
    }
  };
  add_options(command);
  add_options(program);
  return joined(words, " ");
}

// The body that bash and zsh share: `path` is found by walking the words before the one that is completed.
// `offers` comes out.
std::string shared_function(const CommandFacts& program) {
  std::string options;  // patterns of options that take a value
  std::string choices;
  std::string paths;
  std::string table;
  each_command(program, [&](const CommandFacts& command) {
    const std::string path = joined(command.path, " ");
    if (command.path.size() > 1) {
      paths += (paths.empty() ? "" : "|") + quoted(path);
    }
    table += "    " + quoted(path) + ") offers=" + quoted(words_of(command, program)) + " ;;\n";
    for (const OptionFacts& option : command.options) {
      if (option.positional || option.value.empty()) {
        continue;
      }
      for (const std::string& name : option.names) {
        const std::string pattern = quoted(path + " " + name);
        options += (options.empty() ? "" : "|") + pattern;
        if (command.path.size() == 1) {  // options of the program may follow every command
          options += "|*" + quoted(" " + name);
        }
        if (!option.choices.empty()) {
          choices += "    " + std::string(command.path.size() == 1 ? "*" + quoted(" " + name) : pattern) +
                     ") offers=" + quoted(joined(option.choices, " ")) + " ;;\n";
        }
      }
    }
  });
  return "  local place=luthier word skip=0 offers=\n"
         "  for word in \"$@\"; do\n"
         "    if [ \"$skip\" = 1 ]; then skip=0; continue; fi\n"
         "    case \"$place $word\" in\n"
         "      " +
         paths +
         ") place=\"$place $word\" ;;\n"
         "      " +
         options +
         ") skip=1 ;;\n"
         "    esac\n"
         "  done\n"
         "  case \"$place\" in\n" +
         table +
         "  esac\n"
         "  if [ \"$skip\" = 1 ]; then\n"
         "    offers=\n"
         "    case \"$place $word\" in\n" +
         choices +
         "    *) ;;\n    esac\n"
         "  fi\n";
}

std::string bash_script(const CommandFacts& program) {
  return "# bash completion of luthier: luthier completion bash > ~/.local/share/bash-completion/completions/luthier\n"
         "_luthier() {\n" +
         shared_function(program) +
         "  COMPREPLY=()\n"
         "  if [ -n \"$offers\" ]; then\n"
         "    local current=${COMP_WORDS[COMP_CWORD]}\n"
         "    while IFS= read -r word; do COMPREPLY+=(\"$word\"); done < <(compgen -W \"$offers\" -- \"$current\")\n"
         "  fi\n"
         "}\n"
         "_luthier_of_line() { _luthier \"${COMP_WORDS[@]:1:COMP_CWORD-1}\"; }\n"
         "complete -o default -F _luthier_of_line luthier\n";
}

std::string zsh_script(const CommandFacts& program) {
  return "#compdef luthier\n"
         "# zsh completion of luthier: luthier completion zsh > a folder of $fpath, as _luthier\n"
         "_luthier_words() {\n" +
         shared_function(program) +
         "  print -r -- \"$offers\"\n"
         "}\n"
         "_luthier() {\n"
         "  local -a found\n"
         "  found=(${=\"$(_luthier_words \"${(@)words[2,CURRENT-1]}\")\"})\n"
         "  compadd -- $found\n"
         "  _files\n"
         "}\n"
         "if [ \"${funcstack[1]-}\" = _luthier ]; then _luthier \"$@\"; elif (( ${+functions[compdef]} )); then "
         "compdef "
         "_luthier luthier; fi\n";
}

std::string fish_script(const CommandFacts& program) {
  std::string script =
      "# fish completion of luthier: luthier completion fish > ~/.config/fish/completions/luthier.fish\n"
      "function __luthier_at\n"
      "  set -l words\n"
      "  for word in (commandline -opc)[2..-1]\n"
      "    string match -q -- '-*' $word; or set -a words $word\n"
      "  end\n"
      "  set -l wanted $argv\n"
      "  test (count $words) -ge (count $wanted); or return 1\n"
      "  for i in (seq (count $wanted))\n"
      "    test $words[$i] = $wanted[$i]; or return 1\n"
      "  end\n"
      "end\n";
  each_command(program, [&script](const CommandFacts& command) {
    const std::vector<std::string> below(command.path.begin() + 1, command.path.end());
    const std::string condition = below.empty() ? "__fish_use_subcommand" : "__luthier_at " + joined(below, " ");
    for (const CommandFacts& next : command.commands) {
      script += "complete -c luthier -f -n " + quoted(condition) + " -a " + next.path.back() + " -d " +
                quoted(next.help) + "\n";
    }
    for (const OptionFacts& option : command.options) {
      if (option.positional) {
        continue;
      }
      script += "complete -c luthier" + (below.empty() ? "" : " -n " + quoted(condition));
      for (const std::string& name : option.names) {
        script += name.starts_with("--") ? " -l " + name.substr(2) : " -s " + name.substr(1);
      }
      script += option.value.empty()     ? ""
                : option.choices.empty() ? " -r"
                                         : " -x -a " + quoted(joined(option.choices, " "));
      script += " -d " + quoted(option.help) + "\n";
    }
  });
  return script;
}

}  // namespace

Result<std::string> completion_script(const CLI::App& program, const std::string& shell) {
  const CommandFacts tree = read_tree(program);
  if (shell == "bash") {
    return bash_script(tree);
  }
  if (shell == "zsh") {
    return zsh_script(tree);
  }
  if (shell == "fish") {
    return fish_script(tree);
  }
  return Error{ErrorCode::kInvalidArgument, "there are completions for bash, zsh and fish, not for '" + shell + "'"};
}

}  // namespace luthier::cli
