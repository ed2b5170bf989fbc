// luthier: the command line. Parses arguments and calls one function per command.
#include <CLI/CLI.hpp>
#include <csignal>
#include <cstdio>
#include <exception>
#include <functional>

#include "base/version.h"
#include "cli/agents.h"
#include "cli/chat.h"
#include "cli/data.h"
#include "cli/exit_codes.h"
#include "cli/misread.h"
#include "cli/model_arguments.h"
#include "cli/operations.h"
#include "cli/plan.h"
#include "cli/run.h"
#include "cli/runs.h"
#include "cli/up.h"
#include "cli/upkeep.h"

namespace luthier::cli {
namespace {

constexpr const char* kFooter =
    "\nWhere the controller is: --url, LUTHIER_URL, or DATA/url, which `luthier up` writes.\n"
    "With which key: --key-file, LUTHIER_API_KEY, or DATA/admin.key. Keys are never given as arguments.\n"
    "DATA: --data, LUTHIER_DATA, or ~/.local/share/luthier.\n\nExit status:\n";

std::string footer() {
  std::string text = kFooter;
  for (const ExitCode& exit : kExitCodes) {
    std::string code = std::to_string(exit.code);
    code.resize(4, ' ');
    text += "  " + code + exit.meaning + "\n";
  }
  return text;
}

// Everything that arguments can say. Lives as long as the parser, which writes into it.
struct Arguments {
  GlobalOptions global;
  std::string output = "text";
  UpOptions up;
  RunOptions run;
  RerunOptions rerun;
  DiffOptions diff;
  FileOptions file;
  RunsOptions runs;
  std::string run_id;
  DecisionOptions decision;
  LogsOptions logs;
  DeploymentsOptions deployments;
  ExplainOptions explain;
  ModelArguments models;
  DataArguments data;
  ChatOptions chat;
  std::string agent;
  std::string token;
  DrainOptions drain;
  bool no_wait = false;
  JoinTokenOptions join_token;
  std::string prompt;
  bool no_template = false;
  bool dry_run = false;
  BackupOptions backup;
  JournalOptions journal;
};

void add_file_arguments(CLI::App& command, FileOptions& file) {
  command.add_option("FILE", file.file, "pipeline (YAML)")->required();
  command.add_option("-p,--param", file.params, "a param as NAME=VALUE; may be repeated")
      ->type_name("NAME=VALUE")
      ->expected(1)
      ->take_all()
      ->allow_extra_args(false);
}

void add_up(CLI::App& app, Arguments& arguments, Command& chosen) {
  CLI::App* up = app.add_subcommand("up", "Start a controller and agents on this machine, in the foreground");
  up->add_option("--http-port", arguments.up.http_port, "port of the HTTP API; 0 takes any free one")
      ->check(CLI::Range(0, 65535))
      ->capture_default_str();
  up->add_option("--grpc-port", arguments.up.grpc_port, "port that agents call; 0 takes any free one")
      ->check(CLI::Range(0, 65535))
      ->capture_default_str();
  up->add_option("--agents", arguments.up.agents, "how many agents")->check(CLI::Range(0, 64))->capture_default_str();
  up->callback([&] { chosen = [&] { return up_command(arguments.global, arguments.up); }; });
}

void add_pipeline_commands(CLI::App& app, Arguments& arguments, Command& chosen) {
  CLI::App* run = app.add_subcommand("run", "Run a pipeline and watch it");
  add_file_arguments(*run, arguments.run.file);
  run->add_flag("!--no-cache", arguments.run.file.cache, "run every step, also those whose outputs are there already");
  run->add_flag("--detach", arguments.run.detach, "submit and return");
  run->callback([&] { chosen = [&] { return run_command(arguments.global, arguments.run); }; });

  CLI::App* rerun = app.add_subcommand("rerun", "Run what failed in a run again, with what succeeded taken over");
  rerun->add_option("RUN", arguments.rerun.run, "one that has ended, such as r-3")->required();
  rerun->add_option("--from", arguments.rerun.from, "start over from this step, whatever its state");
  rerun->add_flag("--fresh", arguments.rerun.fresh, "start failed trainings over, not from their newest checkpoint");
  rerun->add_flag("--detach", arguments.rerun.detach, "submit and return");
  rerun->callback([&] { chosen = [&] { return rerun_command(arguments.global, arguments.rerun); }; });

  CLI::App* check = app.add_subcommand("check", "Check a pipeline; needs no controller");
  add_file_arguments(*check, arguments.file);
  check->callback([&] { chosen = [&] { return check_command(arguments.global, arguments.file); }; });

  CLI::App* plan =
      app.add_subcommand("plan", "Show what a run would do now: what is reused, and how long the rest takes");
  add_file_arguments(*plan, arguments.file);
  plan->callback([&] { chosen = [&] { return plan_command(arguments.global, arguments.file); }; });

  CLI::App* diff = app.add_subcommand("diff", "Say which steps of B would run again after A, and why");
  diff->add_option("A", arguments.diff.a, "a pipeline (YAML), or a run such as r-3")->required();
  diff->add_option("B", arguments.diff.b, "the same")->required();
  diff->add_option("-p,--param", arguments.diff.params, "a param of files as NAME=VALUE; may be repeated")
      ->type_name("NAME=VALUE")
      ->expected(1)
      ->take_all();
  diff->callback([&] { chosen = [&] { return diff_command(arguments.global, arguments.diff); }; });
}

void add_run_commands(CLI::App& app, Arguments& arguments, Command& chosen) {
  CLI::App* runs = app.add_subcommand("runs", "List runs, newest first");
  runs->add_option("--limit", arguments.runs.limit, "how many")->check(CLI::Range(1, 1000))->capture_default_str();
  runs->add_option("--before", arguments.runs.before, "only those before this run");
  runs->add_option("--status", arguments.runs.status, "only those running, succeeded, failed or cancelled")
      ->check(CLI::IsMember({"running", "succeeded", "failed", "cancelled"}));
  runs->add_option("--pipeline", arguments.runs.pipeline, "only those of this pipeline");
  runs->callback([&] { chosen = [&] { return runs_command(arguments.global, arguments.runs); }; });

  CLI::App* status = app.add_subcommand("status", "Show a run and its steps");
  status->add_option("RUN", arguments.run_id, "such as r-3")->required();
  status->callback([&] { chosen = [&] { return status_command(arguments.global, arguments.run_id); }; });

  CLI::App* cancel = app.add_subcommand("cancel", "End a run");
  cancel->add_option("RUN", arguments.run_id, "such as r-3")->required();
  cancel->callback([&] { chosen = [&] { return cancel_command(arguments.global, arguments.run_id); }; });

  for (const bool approved : {true, false}) {
    CLI::App* decide =
        app.add_subcommand(approved ? "approve" : "reject", approved ? "Let a run go on that waits for a person"
                                                                     : "Fail a step that waits for a person");
    decide->add_option("RUN", arguments.decision.run, "such as r-3")->required();
    decide->add_option("STEP", arguments.decision.step, "the approve step")->required();
    decide->add_option("--comment", arguments.decision.comment, "why, for the record");
    decide->callback([&, approved] {
      arguments.decision.approved = approved;
      chosen = [&] { return decide_command(arguments.global, arguments.decision); };
    });
  }

  CLI::App* deployments = app.add_subcommand("deployments", "List models that are served, or were");
  deployments->add_option("--limit", arguments.deployments.limit, "how many, newest first")
      ->check(CLI::Range(1, 1'000))
      ->capture_default_str();
  deployments->callback([&] { chosen = [&] { return deployments_command(arguments.global, arguments.deployments); }; });

  CLI::App* logs = app.add_subcommand("logs", "Print the log of a step, of all steps of a run, or of a served model");
  logs->add_option("RUN", arguments.logs.run, "such as r-3; of a served model d-3, as `luthier deployments` says")
      ->required();
  logs->add_option("STEP", arguments.logs.step, "such as train");
  logs->add_flag("-f,--follow", arguments.logs.follow, "go on until the step has ended");
  logs->add_option("--rank", arguments.logs.rank, "of a step on several nodes: the log of this rank")
      ->check(CLI::Range(0, 1023))
      ->capture_default_str();
  logs->add_option("--attempt", arguments.logs.attempt, "only this attempt")->check(CLI::Range(1, 1'000'000));
  logs->callback([&] { chosen = [&] { return logs_command(arguments.global, arguments.logs); }; });

  CLI::App* explain = app.add_subcommand("explain", "Say why a step ran, or why it did not have to");
  explain->add_option("RUN", arguments.explain.run, "such as r-3")->required();
  explain->add_option("STEP", arguments.explain.step, "such as train")->required();
  explain->callback([&] { chosen = [&] { return explain_command(arguments.global, arguments.explain); }; });
}

void add_join_token_commands(CLI::App& agents, Arguments& arguments, Command& chosen) {
  CLI::App* token = agents.add_subcommand("join-token", "Print a new token that admits agents; list and revoke tokens");
  token->add_option("--uses", arguments.join_token.uses, "how many agents it admits")
      ->check(CLI::Range(1, 100'000))
      ->capture_default_str();
  token->add_option("--expires", arguments.join_token.expires, "for how long, such as 1h")->capture_default_str();
  token->require_subcommand(0, 1);
  token->callback([&, token] {
    if (token->get_subcommands().empty()) {
      chosen = [&] { return join_token_command(arguments.global, arguments.join_token); };
    }
  });
  CLI::App* list = token->add_subcommand("list", "List tokens that still admit agents");
  list->callback([&] { chosen = [&] { return join_tokens_command(arguments.global); }; });
  CLI::App* revoke = token->add_subcommand("revoke", "Make a token admit nobody any more");
  revoke->add_option("TOKEN", arguments.token, "its id, such as jt_0123456789ab")->required();
  revoke->callback([&] { chosen = [&] { return revoke_join_token_command(arguments.global, arguments.token); }; });
}

void add_agent_commands(CLI::App& app, Arguments& arguments, Command& chosen) {
  CLI::App* agents = app.add_subcommand("agents", "List agents and what they run; admit, drain and remove them");
  agents->require_subcommand(0, 1);
  agents->callback([&, agents] {
    if (agents->get_subcommands().empty()) {
      chosen = [&] { return agents_command(arguments.global); };
    }
  });
  const auto add = [&](const char* name, const char* help, const Command& command) {
    CLI::App* sub = agents->add_subcommand(name, help);
    sub->add_option("AGENT", arguments.agent, "its id, or its name")->required();
    sub->callback([&chosen, command] { chosen = command; });
    return sub;
  };
  add("cordon", "Give an agent no new work", [&] { return cordon_command(arguments.global, arguments.agent, true); });
  add("uncordon", "Give an agent work again, also after a drain",
      [&] { return cordon_command(arguments.global, arguments.agent, false); });
  CLI::App* drain = add("drain", "Give an agent no new work and wait until it runs nothing", [&] {
    arguments.drain.wait = !arguments.no_wait;
    return drain_command(arguments.global, arguments.agent, arguments.drain);
  });
  drain->add_option("--deadline", arguments.drain.deadline, "move what still runs to other agents then, such as 10m");
  drain->add_flag("--no-wait", arguments.no_wait, "return at once");
  add("forget", "Remove a lost agent for good", [&] { return forget_command(arguments.global, arguments.agent); });
  add_join_token_commands(*agents, arguments, chosen);
}

void add_chat(CLI::App& app, Arguments& arguments, Command& chosen) {
  GenerateOptions& generate = arguments.chat.generate;
  CLI::App* chat = app.add_subcommand("chat", "Ask a model");
  chat->add_option("MODEL", generate.model, "NAME, NAME@ALIAS or NAME@VERSION")->required();
  CLI::Option* prompt = chat->add_option("PROMPT", arguments.prompt, "asked once; without it, lines of stdin");
  chat->add_option("--max-tokens", generate.tokens_max, "of the answer")
      ->check(CLI::Range(1, 100'000))
      ->capture_default_str();
  chat->add_option("--temperature", generate.temperature, "0: always the likeliest token")
      ->check(CLI::Range(0.0, 10.0))
      ->capture_default_str();
  chat->add_option("--top-p", generate.top_p, "share of the likeliest tokens to draw from")
      ->check(CLI::Range(0.0, 1.0))
      ->capture_default_str();
  chat->add_option("--seed", generate.seed, "of the draws")->check(CLI::NonNegativeNumber);
  chat->add_flag("--no-template", arguments.no_template, "send the prompt as it is, not as training data was prepared");
  chat->callback([&, prompt] {
    generate.apply_template = !arguments.no_template;
    if (prompt->count() > 0) {
      arguments.chat.prompt = arguments.prompt;
    }
    chosen = [&] { return chat_command(arguments.global, arguments.chat); };
  });
}

void add_upkeep_commands(CLI::App& app, Arguments& arguments, Command& chosen) {
  CLI::App* gc = app.add_subcommand("gc", "Delete artifacts that no model, kept run or recent upload needs");
  gc->add_flag("--dry-run", arguments.dry_run, "only say what would be deleted");
  gc->callback([&] { chosen = [&] { return gc_command(arguments.global, arguments.dry_run); }; });

  CLI::App* backup = app.add_subcommand("backup", "Copy the data folder, also while the controller runs");
  backup->add_option("DIR", arguments.backup.folder, "new, or an older backup, which is brought up to date")
      ->required();
  backup->add_flag("--links", arguments.backup.links, "hard links to artifacts where DIR is on the same file system");
  backup->callback([&] { chosen = [&] { return backup_command(arguments.global, arguments.backup); }; });

  CLI::App* restore =
      app.add_subcommand("restore", "Make a new data folder (--data NEW) from a backup, all of it verified");
  restore->add_option("DIR", arguments.backup.folder, "a backup")->required();
  restore->callback([&] { chosen = [&] { return restore_command(arguments.global, arguments.backup); }; });

  CLI::App* journal = app.add_subcommand("journal", "Print what the controller decided, one JSON object a line");
  journal->add_option("--after", arguments.journal.after, "records after this index");
  journal->add_option("--limit", arguments.journal.limit, "how many")
      ->check(CLI::Range(1, 1000))
      ->capture_default_str();
  journal->add_option("--state-at", arguments.journal.state_at, "print the state as it was after this record instead");
  journal->callback([&] { chosen = [&] { return journal_command(arguments.global, arguments.journal); }; });
}

int main_of_luthier(int argc, char** argv) {
  CLI::App app("Luthier: fine-tuning pipelines on your own machines", "luthier");
  Arguments arguments;
  Command chosen;
  app.fallthrough();
  app.require_subcommand(1);
  app.footer(footer());
  app.set_version_flag("--version", std::string("luthier ") + kVersion);
  app.add_option("--url", arguments.global.url, "controller, such as http://127.0.0.1:7070");
  app.add_option("--key-file", arguments.global.key_file, "file with the API key");
  app.add_option("--data", arguments.global.data, "data folder");
  app.add_option("-o,--output", arguments.output, "text or json")->check(CLI::IsMember({"text", "json"}));
  add_up(app, arguments, chosen);
  add_pipeline_commands(app, arguments, chosen);
  add_run_commands(app, arguments, chosen);
  add_agent_commands(app, arguments, chosen);
  add_model_commands(app, arguments.global, arguments.models, chosen);
  add_chat(app, arguments, chosen);
  add_data_commands(app, arguments.global, arguments.data, chosen);
  add_operations_commands(app, arguments.global, chosen);
  add_upkeep_commands(app, arguments, chosen);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    if (error.get_exit_code() == 0) {
      return app.exit(error);  // help and version: printed
    }
    std::fprintf(stderr, "luthier: %s\n", explain_misread(app, {argv + 1, argv + argc}, error).c_str());
    return kExitUsage;
  }
  arguments.global.json = arguments.output == "json";
  return chosen();
}

}  // namespace
}  // namespace luthier::cli

int main(int argc, char** argv) {
  std::signal(SIGPIPE, SIG_IGN);
  try {
    return luthier::cli::main_of_luthier(argc, argv);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "luthier: %s\n", error.what());
    return luthier::cli::kExitFailure;
  }
}
