// Checks of texts, for tables: which codes with which counts.
#pragma once

#include <gtest/gtest.h>

#include <map>
#include <string>

#include "pipelines/data/check/check_file.h"
#include "tests/pipelines/data/temporary_folder.h"

namespace luthier::data::check {

inline std::string chat(const std::string& question, const std::string& answer) {
  return R"({"messages":[{"role":"user","content":")" + question + R"("},{"role":"assistant","content":")" + answer +
         "\"}]}\n";
}

// `count` different conversations without a fault, short enough to be nobody's near duplicate.
inline std::string good_chats(int count) {
  std::string text;
  for (int i = 0; i < count; ++i) {
    const std::string number = std::to_string(i);
    text += chat("What is " + number + " plus 1?", "It is " + std::to_string(i + 1) + ".");
  }
  return text;
}

using Counts = std::map<std::string, std::int64_t>;

inline Counts counts_of(const Report& report) {
  Counts counts;
  for (const auto& [code, finding] : report.findings.by_code()) {
    counts[std::string(code)] = finding.count;
  }
  return counts;
}

inline Report check_text(const std::string& text, const std::string& name = "f.jsonl", CheckOptions options = {}) {
  const TemporaryFolder folder;
  options.file = folder.write(name, text);
  options.temporary_folder = folder.path();
  auto report = check_file(options);
  EXPECT_TRUE(report.has_value()) << (report ? "" : report.error().message);
  return std::move(*report);
}

}  // namespace luthier::data::check
