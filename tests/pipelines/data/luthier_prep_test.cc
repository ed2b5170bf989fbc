// luthier-prep as the agent runs it, on the quickstart's data: what it reports equals what this test counts in the
// file by itself.
#include <gtest/gtest.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstring>
#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <sstream>

#include "base/file.h"
#include "base/unique_fd.h"
#include "tests/pipelines/data/temporary_folder.h"

namespace luthier::data {
namespace {

using Json = nlohmann::json;

const std::filesystem::path kSports = std::filesystem::path(LUTHIER_SOURCE_DIR) / "pipelines/examples/data/sports.csv";

struct Outcome {
  int status = -1;
  std::vector<Json> messages;
  std::string log;
};

// Starts luthier-prep in `work` with a socket of its own, as the shim does, and reads until it ends.
Outcome run_prep(const std::filesystem::path& work, const Json& job) {
  const std::filesystem::path job_file = work / "job.json";
  EXPECT_TRUE(write_file_atomically(job_file, job.dump()));
  const std::string socket_path = (work / "s").string();
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path, socket_path.c_str(), std::min(socket_path.size(), sizeof(address.sun_path) - 1));
  UniqueFd listener(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  EXPECT_EQ(::bind(listener.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)), 0);
  EXPECT_EQ(::listen(listener.get(), 1), 0);

  const std::string command = "cd '" + work.string() + "' && exec '" LUTHIER_BIN_DIR "/luthier-prep' prepare >log 2>&1";
  std::string job_variable = "LUTHIER_JOB=" + job_file.string();
  std::string socket_variable = "LUTHIER_SOCKET=" + socket_path;
  std::string path_variable = "PATH=/usr/bin:/bin";
  char* environment[] = {job_variable.data(), socket_variable.data(), path_variable.data(), nullptr};
  std::string shell = "sh";
  std::string option = "-c";
  std::string script = command;
  char* arguments[] = {shell.data(), option.data(), script.data(), nullptr};
  pid_t child = -1;
  EXPECT_EQ(::posix_spawn(&child, "/bin/sh", nullptr, nullptr, arguments, environment), 0);

  Outcome outcome;
  const UniqueFd connection(::accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC));
  std::string received;
  char buffer[4096];
  for (ssize_t count = 0; (count = ::read(connection.get(), buffer, sizeof(buffer))) > 0;) {
    received.append(buffer, static_cast<std::size_t>(count));
  }
  std::istringstream lines(received);
  for (std::string line; std::getline(lines, line);) {
    outcome.messages.push_back(Json::parse(line));
  }
  EXPECT_EQ(::waitpid(child, &outcome.status, 0), child);
  outcome.log = *read_file(work / "log");
  return outcome;
}

// Fields of one line of a CSV whose fields hold no line ends.
std::vector<std::string> fields_of(const std::string& line) {
  std::vector<std::string> fields(1);
  bool quoted = false;
  for (std::size_t i = 0; i < line.size(); ++i) {
    if (line[i] == '"' && quoted && i + 1 < line.size() && line[i + 1] == '"') {
      fields.back().push_back(line[i++]);
    } else if (line[i] == '"') {
      quoted = !quoted;
    } else if (line[i] == ',' && !quoted) {
      fields.emplace_back();
    } else {
      fields.back().push_back(line[i]);
    }
  }
  return fields;
}

// The words of a text with one space between.
std::string normal(const std::string& text) {
  std::istringstream words(text);
  std::string result;
  for (std::string word; words >> word;) {
    result += (result.empty() ? "" : " ") + word;
  }
  return result;
}

std::string lower(std::string text) {
  for (char& c : text) {
    c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  }
  return text;
}

struct Facts {
  std::int64_t rows = 0;
  std::int64_t blank = 0;
  std::int64_t without_label = 0;
  std::int64_t duplicates = 0;
  std::int64_t conflicting = 0;
  std::int64_t label_variants = 0;
  std::map<std::string, std::int64_t> kept;  // by label
};

Facts count_facts() {
  Facts facts;
  std::istringstream lines(*read_file(kSports));
  std::string line;
  std::getline(lines, line);
  EXPECT_EQ(line, "text,source,lable");
  std::map<std::string, std::set<std::string>> labels;  // by sentence
  while (std::getline(lines, line)) {
    ++facts.rows;
    const std::vector<std::string> fields = fields_of(line);
    EXPECT_EQ(fields.size(), 3u) << line;
    const std::string text = normal(fields[0]);
    const std::string label = normal(fields[2]);
    if (text.empty() && label.empty()) {
      ++facts.blank;
    } else if (label.empty()) {
      ++facts.without_label;
    } else {
      facts.label_variants += label != lower(label) ? 1 : 0;
      facts.duplicates += labels[text].insert(lower(label)).second ? 0 : 1;
    }
  }
  for (const auto& [text, of_text] : labels) {
    if (of_text.size() > 1) {
      facts.conflicting += static_cast<std::int64_t>(of_text.size());
    } else {
      ++facts.kept[*of_text.begin()];
    }
  }
  return facts;
}

std::vector<Json> records_of(const std::filesystem::path& folder) {
  std::vector<Json> records;
  std::istringstream lines(*read_file(folder / "data.jsonl"));
  for (std::string line; std::getline(lines, line);) {
    records.push_back(Json::parse(line));
  }
  return records;
}

TEST(LuthierPrep, RepairsTheQuickstartsDataAndReportsWhatItDid) {
  const TemporaryFolder work;
  const Facts facts = count_facts();
  ASSERT_GT(facts.blank, 0);
  ASSERT_GT(facts.without_label, 0);
  ASSERT_GT(facts.duplicates, 0);
  ASSERT_GT(facts.conflicting, 0);
  ASSERT_GT(facts.label_variants, 0);
  const Outcome outcome = run_prep(work.path(), {{"version", 1},
                                                 {"uses", "prepare"},
                                                 {"with",
                                                  {{"source", {{"$path", kSports.string()}, {"kind", "source"}}},
                                                   {"labels", {"baseball", "hockey"}},
                                                   {"split", {{"validation", 0.1}, {"test", 0.1}, {"seed", 7}}}}}});
  ASSERT_EQ(outcome.status, 0) << outcome.log;
  ASSERT_GE(outcome.messages.size(), 2u);
  EXPECT_EQ(outcome.messages.front()["type"], "hello");
  EXPECT_EQ(outcome.messages.front()["program"], "luthier-prep");
  EXPECT_EQ(outcome.messages.back()["type"], "result");

  const Json outputs = outcome.messages.back()["outputs"];
  const std::int64_t kept = facts.kept.at("baseball") + facts.kept.at("hockey");
  EXPECT_EQ(outputs["task"], "classification");
  EXPECT_EQ(outputs["labels"], (Json{"baseball", "hockey"}));
  EXPECT_EQ(outputs["rows"]["read"], facts.rows);
  EXPECT_EQ(outputs["rows"]["kept"], kept);

  const Json report =
      Json::parse(*read_file(work.path() / outputs["report"]["$path"].get<std::string>() / "report.json"));
  std::map<std::string, std::int64_t> counts;
  for (const Json& remedy : report["remedies"]) {
    counts[remedy["code"]] = remedy["rows"];
  }
  EXPECT_EQ(counts["blank_rows"], facts.blank);
  EXPECT_EQ(counts["missing_completion"], facts.without_label);
  EXPECT_EQ(counts["duplicate_rows"], facts.duplicates);
  EXPECT_EQ(counts["conflicting_labels"], facts.conflicting);
  EXPECT_EQ(counts["label_united"], facts.label_variants);
  EXPECT_EQ(counts["column_renamed"], 2);
  EXPECT_EQ(counts["extra_columns"], 1);
  EXPECT_EQ(report["labels"], Json(facts.kept));

  std::set<std::string> prompts;
  std::int64_t records = 0;
  for (const char* part : {"train", "validation", "test"}) {
    std::map<std::string, std::int64_t> labels;
    for (const Json& record : records_of(work.path() / outputs[part]["$path"].get<std::string>())) {
      const std::string prompt = record["prompt"];
      EXPECT_TRUE(prompt.ends_with(" ->")) << prompt;
      EXPECT_TRUE(prompts.insert(prompt).second) << prompt << " is in two places";
      ++labels[record["completion"]];
      ++records;
    }
    EXPECT_EQ(labels.size(), 2u);
    EXPECT_NEAR(static_cast<double>(labels[" baseball"]) / static_cast<double>(labels[" hockey"]),
                static_cast<double>(facts.kept.at("baseball")) / static_cast<double>(facts.kept.at("hockey")), 0.02);
  }
  EXPECT_EQ(records, kept);
}

TEST(LuthierPrep, PreparesThePretrainingText) {
  const TemporaryFolder work;
  const Outcome outcome = run_prep(work.path(), {{"uses", "prepare"},
                                                 {"with",
                                                  {{"source", {{"$path", (kSports.parent_path() / "corpus").string()}}},
                                                   {"task", "text"},
                                                   {"split", {{"validation", 0.05}, {"seed", 7}}},
                                                   {"tokenizer", {{"vocab_size", 400}}}}}});
  ASSERT_EQ(outcome.status, 0) << outcome.log;
  const Json outputs = outcome.messages.back()["outputs"];
  EXPECT_EQ(outputs["task"], "text");
  const Json tokenizer =
      Json::parse(*read_file(work.path() / outputs["tokenizer"]["$path"].get<std::string>() / "tokenizer.json"));
  EXPECT_EQ(tokenizer["model"]["vocab"].size(), 400u);
  for (const Json& record : records_of(work.path() / outputs["train"]["$path"].get<std::string>())) {
    const std::string text = lower(record["text"]);
    EXPECT_EQ(text.find("baseball"), std::string::npos);
    EXPECT_EQ(text.find("hockey"), std::string::npos);
  }
}

TEST(LuthierPrep, AUsersMistakeEndsInOneSentence) {
  const TemporaryFolder work;
  const std::filesystem::path file = work.write("in/orders.csv", "id,when\n1,monday\n");
  const Outcome outcome =
      run_prep(work.path(), {{"uses", "prepare"}, {"with", {{"source", {{"$path", file.string()}}}}}});
  ASSERT_TRUE(WIFEXITED(outcome.status));
  EXPECT_EQ(WEXITSTATUS(outcome.status), 1);
  const Json& last = outcome.messages.back();
  EXPECT_EQ(last["type"], "error");
  EXPECT_EQ(last["class"], "user");
  EXPECT_EQ(last["code"], "invalid_data");
  EXPECT_EQ(last["message"],
            "orders.csv:1: no column of labels or completions found; name it: columns: {completion: …}, or "
            "--completion-column; the columns "
            "are: \"id\", \"when\"");
  EXPECT_NE(outcome.log.find("orders.csv:1:"), std::string::npos);
}

}  // namespace
}  // namespace luthier::data
