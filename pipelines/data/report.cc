#include "pipelines/data/report.h"

#include <sstream>

#include "pipelines/text/utf8.h"

namespace luthier::data {
namespace {

using Json = nlohmann::ordered_json;

// Markdown's own characters in data must not shape the page.
std::string escaped(const std::string& text) {
  std::string result;
  for (const char c : text) {
    if (std::string_view("\\`*_|<>[]#").find(c) != std::string_view::npos) {
      result.push_back('\\');
    }
    result.push_back(c);
  }
  return result;
}

std::string visible(const std::string& text) { return Json(text).dump(); }

}  // namespace

Remedy& Report::remedy(const std::string& code, const std::string& message, bool drops_rows) {
  for (Remedy& known : remedies_) {
    if (known.code == code) {
      return known;
    }
  }
  remedies_.push_back({code, message, 0, drops_rows, {}});
  return remedies_.back();
}

void Report::add(const std::string& code, const std::string& message, bool drops_rows, Example example,
                 std::int64_t lines) {
  Remedy& concerned = remedy(code, message, drops_rows);
  concerned.rows += lines;
  changes.add({example.file, example.line, drops_rows, code, example.detail}, lines);
  for (; lines > 0 && concerned.first.size() < kExamplesMax; --lines, ++example.line) {
    concerned.first.push_back(example);
  }
}

void Report::add_of_many(const std::string& code, const std::string& message, Example example, std::uint64_t row) {
  constexpr std::int64_t kListedOneByOne = 10'000;
  Remedy& concerned = remedy(code, message, false);
  if (concerned.rows < kListedOneByOne) {
    add(code, message, false, std::move(example));
    return;
  }
  ++concerned.rows;
  changes.add_to_run({example.file, example.line, false, code, example.detail}, row);
}

void Report::announce(const std::string& code, const std::string& message, bool drops_rows) {
  (void)remedy(code, message, drops_rows);
}

void Report::forget_unused() {
  std::erase_if(remedies_, [](const Remedy& known) { return known.rows == 0; });
}

std::int64_t Report::rows_of(const std::string& code) const {
  for (const Remedy& remedy : remedies_) {
    if (remedy.code == code) {
      return remedy.rows;
    }
  }
  return 0;
}

std::int64_t Report::dropped() const {
  std::int64_t rows_dropped = 0;
  for (const Remedy& remedy : remedies_) {
    rows_dropped += remedy.drops_rows ? remedy.rows : 0;
  }
  return rows_dropped;
}

Json Report::to_json() const {
  Json json = {{"version", 2}, {"task", task}, {"shape", shape}};
  json["files"] = Json::array();
  for (const FileSummary& file : files) {
    json["files"].push_back({{"file", file.file}, {"format", file.format}, {"rows", file.rows}});
  }
  json["rows"] = {{"read", rows.read},
                  {"kept", rows.kept},
                  {"dropped", dropped()},
                  {"train", rows.train},
                  {"validation", rows.validation},
                  {"test", rows.test}};
  json["labels"] = Json::object();
  for (const auto& [label, count] : labels) {
    json["labels"][label] = count;
  }
  json["separator"] = separator;
  json["ending"] = ending;
  json["remedies"] = Json::array();
  for (const Remedy& remedy : remedies_) {
    Json first = Json::array();
    for (const Example& example : remedy.first) {
      first.push_back({{"file", example.file}, {"line", example.line}, {"detail", example.detail}});
    }
    json["remedies"].push_back({{"code", remedy.code},
                                {"message", remedy.message},
                                {"rows", remedy.rows},
                                {"drops_rows", remedy.drops_rows},
                                {"first", first}});
  }
  json["changes"] = changes.size();
  json["advice"] = advice;
  return json;
}

std::string Report::to_markdown() const {
  std::ostringstream out;
  out << "# Data preparation\n\nTask: " << task << ". Rows read: " << rows.read << ", kept: " << rows.kept
      << ", dropped: " << dropped() << ".\nSplit: " << rows.train << " train, " << rows.validation << " validation, "
      << rows.test << " test.\n";
  if (!separator.empty()) {
    out << "Every prompt ends with " << visible(separator) << ".\n";
  }
  if (!ending.empty()) {
    out << "Every completion ends with " << visible(ending) << ".\n";
  }
  out << "\n## Files\n\n";
  for (const FileSummary& file : files) {
    out << "- " << escaped(file.file) << " (" << file.format << "): " << file.rows << " rows\n";
  }
  if (!labels.empty()) {
    out << "\n## Labels\n\n| label | rows |\n|---|---|\n";
    for (const auto& [label, count] : labels) {
      out << "| " << escaped(excerpt(label)) << " | " << count << " |\n";
    }
  }
  out << "\n## What was changed or dropped\n\n";
  out << (remedies_.empty() ? "Nothing.\n"
                            : "Each row is listed in changes.txt, and for programs in changes.jsonl.\n\n");
  for (const Remedy& remedy : remedies_) {
    out << "### " << remedy.code << ": " << remedy.rows << "\n\n" << remedy.message << "\n\n";
    for (const Example& example : remedy.first) {
      out << "- " << escaped(example.file) << ":" << example.line << ": " << escaped(example.detail) << "\n";
    }
    if (remedy.rows > static_cast<std::int64_t>(remedy.first.size())) {
      out << "- and " << remedy.rows - static_cast<std::int64_t>(remedy.first.size()) << " more\n";
    }
    out << "\n";
  }
  if (!advice.empty()) {
    out << "## Advice\n\n";
    for (const std::string& line : advice) {
      out << "- " << escaped(line) << "\n";
    }
  }
  return out.str();
}

std::string excerpt(std::string_view text) {
  constexpr std::size_t kBytesMax = 80;
  std::string result;
  for (std::size_t offset = 0; offset < text.size();) {
    const std::size_t length = text::character_length(text, offset);
    if (result.size() + length > kBytesMax) {
      return result + "…";
    }
    const bool control = length == 1 && static_cast<unsigned char>(text[offset]) < 0x20;
    result += control ? std::string_view(" ") : text.substr(offset, length);
    offset += length;
  }
  return result;
}

}  // namespace luthier::data
