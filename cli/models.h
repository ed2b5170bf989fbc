// `luthier models …`: the registry.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "cli/api_client.h"
#include "cli/command.h"

namespace luthier::cli {

struct ImportOptions {
  std::string folder;
  std::string name;  // empty: the folder's
  std::string description;
};
struct AliasOptions {
  std::string model;
  std::string alias;
  int version = 0;
  int expect = -1;     // what it must point at now, 0: nothing; negative: anything
  bool force = false;  // also to a version that nobody has evaluated
};
struct RollbackOptions {
  std::string model;
  std::string alias = "production";
  int to = 0;  // 0: the version before
};
struct CompareOptions {
  std::string a;
  std::string b;
  std::vector<std::string> prompts;
  std::string data;  // a JSONL file: questions.h
  int limit = 20;    // of its records
  int tokens_max = 64;
  double confidence = 0.95;
  std::string html;        // a file to write the comparison to; empty: none
  bool differing = false;  // print only answers that differ
};

[[nodiscard]] int models_command(const GlobalOptions& options, const std::string& model);  // empty: all
[[nodiscard]] int import_command(const GlobalOptions& options, const ImportOptions& given);
[[nodiscard]] int alias_command(const GlobalOptions& options, const AliasOptions& given);
[[nodiscard]] int history_command(const GlobalOptions& options, const std::string& reference);  // NAME or NAME@ALIAS
[[nodiscard]] int rollback_command(const GlobalOptions& options, const RollbackOptions& given);
[[nodiscard]] int delete_command(const GlobalOptions& options, const std::string& reference);  // NAME@VERSION
// Exit status 1 when a link is broken.
[[nodiscard]] int verify_command(const GlobalOptions& options, const std::string& reference);
[[nodiscard]] int compare_command(const GlobalOptions& options, const CompareOptions& given);

// The version that "m", "m@alias" or "m@3" names; like the controller, a bare name means its alias "production" if it
// has one, else its newest version.
[[nodiscard]] Result<Json> find_version(ApiClient& api, const std::string& reference);

}  // namespace luthier::cli
