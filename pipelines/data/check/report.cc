#include "pipelines/data/check/report.h"

#include <array>

namespace luthier::data::check {
namespace {

using Json = nlohmann::ordered_json;

Json to_json(const FileFacts& file) {
  Json json = {{"file", file.file},       {"format", file.format},     {"kind", file.kind},
               {"records", file.records}, {"examples", file.examples}, {"bytes", file.bytes}};
  if (file.images > 0) {
    json["images"] = file.images;
    json["images_usable"] = file.images_usable;
    json["examples_with_images"] = file.examples_with_images;
  }
  return json;
}

Json to_json(const Place& place) {
  Json json = {{"file", place.file}};
  if (place.line > 0) {
    json["line"] = place.line;
  }
  if (place.column > 0) {
    json["column"] = place.column;
  }
  json["message"] = place.message;
  return json;
}

std::string count_text(std::int64_t count) {
  std::string digits = std::to_string(count);
  for (std::size_t i = digits.size(); i > 3; i -= 3) {
    digits.insert(i - 3, 1, ',');
  }
  return digits;
}

std::string bytes_text(std::uint64_t bytes) {
  constexpr std::array<const char*, 4> kUnits{"B", "KiB", "MiB", "GiB"};
  double value = static_cast<double>(bytes);
  std::size_t unit = 0;
  while (value >= 1024 && unit + 1 < kUnits.size()) {
    value /= 1024;
    ++unit;
  }
  std::array<char, 32> text{};
  std::snprintf(text.data(), text.size(), unit == 0 ? "%.0f %s" : "%.1f %s", value, kUnits[unit]);
  return text.data();
}

// Control characters and the like replaced, so that data cannot steer the terminal.
std::string printable(std::string text) {
  for (char& c : text) {
    c = static_cast<unsigned char>(c) < 0x20 || c == 0x7f ? ' ' : c;
  }
  return text;
}

class TextReport {
 public:
  TextReport(const Report& report, bool color) : report_(report), color_(color) {}

  std::string write() {
    write_file(report_.training, "");
    if (report_.validation) {
      write_file(*report_.validation, "validation ");
    }
    write_labels();
    if (report_.tokens) {
      text_ += "tokens: " + count_text(report_.tokens->tokens) + " in all, " + count_text(report_.tokens->most) +
               " in the longest example (line " + std::to_string(report_.tokens->most_line) + "); counted " +
               std::string(tokens::meaning_of(report_.rule)) + "\n";
    }
    for (const Severity severity : {Severity::kError, Severity::kWarning, Severity::kAdvice}) {
      for (const Code& code : all_codes()) {
        const auto found = report_.findings.by_code().find(code.name);
        if (code.severity == severity && found != report_.findings.by_code().end()) {
          write_finding(code, found->second);
        }
      }
    }
    write_end();
    return std::move(text_);
  }

 private:
  void write_file(const FileFacts& file, const char* role) {
    text_ += role + printable(file.file) + ": " + count_text(file.examples) + " example" +
             (file.examples == 1 ? "" : "s") + (file.kind.empty() ? "" : ", " + file.kind) + ", " + file.format + ", " +
             bytes_text(file.bytes);
    if (file.images > 0) {
      text_ += ", " + count_text(file.images) + " images (" + count_text(file.images_usable) + " usable) in " +
               count_text(file.examples_with_images) + " examples";
    }
    text_ += '\n';
  }

  void write_labels() {
    constexpr std::size_t kShown = 12;
    if (report_.task.empty()) {
      return;
    }
    text_ += "task: " + report_.task;
    for (std::size_t i = 0; i < std::min(kShown, report_.labels.size()); ++i) {
      const LabelFacts& label = report_.labels[i];
      text_ += (i == 0 ? " into " : ", ") + printable(label.label) + " (" + count_text(label.count) + ")";
    }
    text_ += report_.labels.size() > kShown ? ", …\n" : "\n";
  }

  void write_finding(const Code& code, const Finding& finding) {
    const char* color = code.severity == Severity::kError ? "31" : code.severity == Severity::kWarning ? "33" : "36";
    text_ += '\n' + paint(std::string(name_of(code.severity)), color) + "[" + std::string(code.name) + "] " +
             count_text(finding.count) + " × " + std::string(code.meaning) + "\n";
    for (const Place& place : finding.first) {
      text_ += "  " + printable(place.file);
      if (place.line > 0) {
        text_ += ":" + std::to_string(place.line);
      }
      if (place.column > 0) {
        text_ += ":" + std::to_string(place.column);
      }
      text_ += ": " + printable(place.message) + "\n";
    }
    const auto shown = static_cast<std::int64_t>(finding.first.size());
    if (finding.count > shown && shown > 0) {
      text_ += "  … and " + count_text(finding.count - shown) + " more\n";
    }
    text_ += "  " + paint("what to do:", "1") + " " + std::string(code.remedy) + "\n";
  }

  void write_end() {
    const std::int64_t errors = report_.findings.count(Severity::kError);
    const std::int64_t warnings = report_.findings.count(Severity::kWarning);
    const std::int64_t advice = report_.findings.count(Severity::kAdvice);
    text_ += report_.findings.by_code().empty() ? "" : "\n";
    text_ += printable(report_.training.file) + ": ";
    if (errors + warnings + advice == 0) {
      text_ += "nothing to complain about\n";
      return;
    }
    text_ += kinds(errors, "error") + ", " + kinds(warnings, "warning") + ", " + std::to_string(advice) +
             (advice == 1 ? " piece of advice; " : " pieces of advice; ") +
             (errors > 0 ? "not fit to train on as it is\n" : "fit to train on\n");
  }

  static std::string kinds(std::int64_t count, const std::string& name) {
    return (count == 0 ? "no" : std::to_string(count)) + " " + name + (count == 1 ? "" : "s");
  }

  [[nodiscard]] std::string paint(const std::string& text, const char* color) const {
    if (!color_) {
      return text;
    }
    std::string painted = "\x1b[";  // GCC 12 misreads a chain of + here as overlapping
    painted.append(color).append("m").append(text).append("\x1b[0m");
    return painted;
  }

  const Report& report_;
  bool color_;
  std::string text_;
};

}  // namespace

Json to_json(const Report& report) {
  Json json = {{"ok", report.ok()}, {"training", to_json(report.training)}};
  if (report.validation) {
    json["validation"] = to_json(*report.validation);
  }
  if (!report.task.empty()) {
    json["task"] = report.task;
  }
  if (!report.labels.empty()) {
    json["labels"] = Json::array();
    for (const LabelFacts& label : report.labels) {
      Json entry = {{"label", label.label}, {"count", label.count}};
      if (label.tokens > 0) {
        entry["tokens"] = label.tokens;
      }
      json["labels"].push_back(std::move(entry));
    }
  }
  if (report.tokens) {
    json["tokens"] = {{"rule", tokens::name_of(report.rule)},
                      {"total", report.tokens->tokens},
                      {"most", report.tokens->most},
                      {"most_line", report.tokens->most_line},
                      {"context", report.context}};
  }
  json["findings"] = Json::array();
  for (const Code& code : all_codes()) {
    const auto found = report.findings.by_code().find(code.name);
    if (found == report.findings.by_code().end()) {
      continue;
    }
    Json first = Json::array();
    for (const Place& place : found->second.first) {
      first.push_back(to_json(place));
    }
    json["findings"].push_back({{"code", code.name},
                                {"severity", name_of(code.severity)},
                                {"count", found->second.count},
                                {"meaning", code.meaning},
                                {"remedy", code.remedy},
                                {"first", std::move(first)}});
  }
  return json;
}

std::string to_text(const Report& report, bool color) { return TextReport(report, color).write(); }

}  // namespace luthier::data::check
