#include "cli/operations.h"

#include <cstdio>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "base/file.h"
#include "cli/access.h"
#include "cli/doctor.h"
#include "cli/reference.h"

namespace luthier::cli {
namespace {

int print(const std::string& text) {
  const Result<void> written = write_all(1, text);
  return written ? kExitSuccess : report(written.error());
}

int completion_command(const CLI::App& program, const std::string& shell) {
  const Result<std::string> script = completion_script(program, shell);
  return script ? print(*script) : report(script.error());
}

struct ManOptions {
  std::vector<std::string> path;
  std::string folder;  // empty: one page, to stdout
};

Result<void> write_pages(const CLI::App& program, const std::filesystem::path& folder) {
  LUTHIER_TRY_VOID(create_folders(folder));
  for (const ManPage& page : man_pages(program)) {
    LUTHIER_TRY_VOID(write_file_atomically(folder / (page.name + ".1"), page.text));
  }
  return {};
}

int man_command(const CLI::App& program, const ManOptions& man) {
  if (!man.folder.empty()) {
    const Result<void> written = write_pages(program, man.folder);
    return written ? kExitSuccess : report(written.error());
  }
  const Result<ManPage> page = man_page(program, man.path);
  return page ? print(page->text) : report(page.error());
}

void add_events(CLI::App& app, const GlobalOptions& global, std::function<int()>& chosen) {
  auto events = std::make_shared<EventsOptions>();
  CLI::App* command = app.add_subcommand("events", "Print what happened, event by event");
  command->add_flag("-f,--follow", events->follow, "go on with what happens from now on");
  command->add_option("--run", events->run, "only of this run; following ends with it");
  command->add_option("--after", events->after, "only what came after the event of this number")
      ->check(CLI::NonNegativeNumber)
      ->capture_default_str();
  command->callback(
      [&global, &chosen, events] { chosen = [&global, events] { return events_command(global, *events); }; });
}

void add_keys(CLI::App& app, const GlobalOptions& global, std::function<int()>& chosen) {
  CLI::App* keys = app.add_subcommand("keys", "List, make and revoke API keys");
  keys->require_subcommand(0, 1);
  keys->callback([&global, &chosen, keys] {
    if (keys->get_subcommands().empty()) {
      chosen = [&global] { return list_keys_command(global); };
    }
  });
  CLI::App* list = keys->add_subcommand("list", "List keys, without their secrets");
  list->callback([&global, &chosen] { chosen = [&global] { return list_keys_command(global); }; });

  auto name = std::make_shared<std::string>();
  auto scope = std::make_shared<std::string>("developer");
  CLI::App* create = keys->add_subcommand("create", "Make a key and print it, once");
  create->add_option("NAME", *name, "for whom or what it is; the audit log says it")->required();
  create->add_option("--scope", *scope, "what it allows")
      ->check(CLI::IsMember(std::vector<std::string>{"viewer", "developer", "admin"}))
      ->capture_default_str();
  create->callback([&global, &chosen, name, scope] {
    chosen = [&global, name, scope] { return create_key_command(global, *name, *scope); };
  });

  auto id = std::make_shared<std::string>();
  CLI::App* revoke = keys->add_subcommand("revoke", "Refuse a key from now on");
  revoke->add_option("KEY", *id, "its id, as `luthier keys` lists it")->required();
  revoke->callback([&global, &chosen, id] { chosen = [&global, id] { return revoke_key_command(global, *id); }; });
}

void add_audit(CLI::App& app, const GlobalOptions& global, std::function<int()>& chosen) {
  auto audit = std::make_shared<AuditOptions>();
  CLI::App* command = app.add_subcommand("audit", "List who changed what, newest first");
  command->add_option("--limit", audit->limit, "how many")->check(CLI::Range(1, 1000))->capture_default_str();
  command->add_option("--before", audit->before, "only those before the entry of this number")
      ->check(CLI::PositiveNumber);
  command->callback([&global, &chosen, audit] { chosen = [&global, audit] { return audit_command(global, *audit); }; });
}

}  // namespace

void add_operations_commands(CLI::App& app, const GlobalOptions& global, std::function<int()>& chosen) {
  CLI::App* doctor = app.add_subcommand("doctor", "Check this machine, this installation and the controller");
  doctor->callback([&global, &chosen] { chosen = [&global] { return doctor_command(global); }; });
  add_events(app, global, chosen);
  add_keys(app, global, chosen);
  add_audit(app, global, chosen);

  auto shell = std::make_shared<std::string>();
  CLI::App* completion = app.add_subcommand("completion", "Print a script that completes arguments in a shell");
  completion->add_option("SHELL", *shell, "which shell")
      ->required()
      ->check(CLI::IsMember(std::vector<std::string>{"bash", "zsh", "fish"}));
  completion->callback([&app, &chosen, shell] { chosen = [&app, shell] { return completion_command(app, *shell); }; });

  auto man = std::make_shared<ManOptions>();
  CLI::App* pages = app.add_subcommand("man", "Print a man page, for `man -l -`");
  pages->add_option("COMMAND", man->path, "such as run, or models import; without it, of luthier itself");
  pages->add_option("--directory", man->folder, "write the pages of all commands into this folder instead");
  pages->callback([&app, &chosen, man] { chosen = [&app, man] { return man_command(app, *man); }; });
}

}  // namespace luthier::cli
