#include "pipelines/data/columns.h"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <span>

#include "pipelines/data/read/pair_names.h"
#include "pipelines/data/whitespace.h"
#include "pipelines/text/normalize.h"

namespace luthier::data {
namespace {

// The best names come first.
constexpr std::array<std::string_view, 6> kTextNames = {"text", "content", "body", "document", "story", "paragraph"};

std::string simplified(std::string_view name) {
  const std::string text = collapsed(name);
  const auto folded = text::fold_case(text);
  return folded.has_value() ? *folded : text;
}

// Short names are too near to each other for two slips.
std::size_t slips_allowed(std::string_view name) { return name.size() <= 4 ? 1 : 2; }

class Chooser {
 public:
  explicit Chooser(const Header& header) : header_(header) {
    for (const std::string& column : header.columns) {
      names_.push_back(simplified(column));
    }
  }

  // The column that has one of `names`, exactly but for case and white space.
  [[nodiscard]] std::optional<std::size_t> exact(std::span<const std::string_view> names,
                                                 std::optional<std::size_t> taken) const {
    for (const std::string_view name : names) {
      for (std::size_t i = 0; i < names_.size(); ++i) {
        if (names_[i] == name && i != taken) {
          return i;
        }
      }
    }
    return std::nullopt;
  }

  // The column whose name is nearest to one of `names`, within the slips allowed.
  [[nodiscard]] std::optional<std::size_t> near(std::span<const std::string_view> names,
                                                std::optional<std::size_t> taken) const {
    std::optional<std::size_t> best;
    std::size_t best_distance = 3;
    for (const std::string_view name : names) {
      for (std::size_t i = 0; i < names_.size(); ++i) {
        const std::size_t distance = edit_distance(names_[i], name, 2);
        if (i != taken && !names_[i].empty() && distance <= slips_allowed(name) && distance < best_distance) {
          best = i;
          best_distance = distance;
        }
      }
    }
    return best;
  }

  // The column a person named.
  [[nodiscard]] Result<std::size_t> named(const std::string& wanted, const char* setting) const {
    for (std::size_t i = 0; i < names_.size(); ++i) {
      if (header_.columns[i] == wanted) {
        return i;
      }
    }
    const std::string simple = simplified(wanted);
    const std::array<std::string_view, 1> only = {simple};
    if (const auto found = exact(only, std::nullopt)) {
      return *found;
    }
    const auto hint = near(only, std::nullopt);
    return Error{ErrorCode::kInvalidArgument,
                 header_.file + ":1: there is no column \"" + wanted + "\" (" + setting + ")" +
                     (hint.has_value() ? "; did you mean \"" + header_.columns[*hint] + "\"?" : "") + listing()};
  }

  [[nodiscard]] std::string listing() const {
    std::string list = "; the columns are:";
    for (std::size_t i = 0; i < header_.columns.size() && i < 30; ++i) {
      list += (i == 0 ? " \"" : ", \"") + header_.columns[i] + "\"";
    }
    return list;
  }

 private:
  const Header& header_;
  std::vector<std::string> names_;
};

Result<ColumnChoice> choose_text(const Header& header, const Settings& settings, const Chooser& chooser) {
  ColumnChoice choice;
  if (!settings.text_column.empty()) {
    LUTHIER_TRY(choice.prompt, chooser.named(settings.text_column, "columns.text"));
    return choice;
  }
  choice.prompt = chooser.exact(kTextNames, std::nullopt);
  if (!choice.prompt.has_value()) {
    choice.prompt = chooser.near(kTextNames, std::nullopt);
  }
  if (!choice.prompt.has_value() && header.columns.size() == 1) {
    choice.prompt = 0;
  }
  if (!choice.prompt.has_value()) {
    return Error{ErrorCode::kInvalidArgument,
                 header.file + ":1: no column of text found; name it: columns: {text: …}" + chooser.listing()};
  }
  return choice;
}

Result<ColumnChoice> choose_main_columns(const Header& header, const Settings& settings, const Chooser& chooser) {
  if (settings.task == Task::kText || (header.format == read::FileFormat::kText && !settings.task.has_value())) {
    return choose_text(header, settings, chooser);
  }
  ColumnChoice choice;
  if (!settings.prompt_column.empty()) {
    LUTHIER_TRY(choice.prompt, chooser.named(settings.prompt_column, "columns.prompt"));
  }
  if (!settings.completion_column.empty()) {
    LUTHIER_TRY(choice.completion, chooser.named(settings.completion_column, "columns.completion"));
  }
  // Exact names first, so that a near miss of one never takes the exact name of the other.
  if (!choice.prompt.has_value()) {
    choice.prompt = chooser.exact(read::prompt_names(), choice.completion);
  }
  if (!choice.completion.has_value()) {
    choice.completion = chooser.exact(read::completion_names(), choice.prompt);
  }
  if (!choice.prompt.has_value()) {
    choice.prompt = chooser.near(read::prompt_names(), choice.completion);
  }
  if (!choice.completion.has_value()) {
    choice.completion = chooser.near(read::completion_names(), choice.prompt);
  }
  if (!choice.completion.has_value()) {
    const bool may_be_text =
        !settings.task.has_value() && settings.labels.empty() && header.format == read::FileFormat::kJsonLines;
    if (may_be_text && chooser.exact(kTextNames, std::nullopt).has_value()) {
      return choose_text(header, settings, chooser);
    }
    return Error{
        ErrorCode::kInvalidArgument,
        header.file +
            ":1: no column of labels or completions found; name it: columns: {completion: …}, or --completion-column" +
            chooser.listing()};
  }
  if (!choice.prompt.has_value() && header.format != read::FileFormat::kText) {
    return Error{ErrorCode::kInvalidArgument,
                 header.file + ":1: no column of prompts found; name it: columns: {prompt: …}, or --prompt-column" +
                     chooser.listing()};
  }
  return choice;
}

}  // namespace

std::size_t edit_distance(std::string_view left, std::string_view right, std::size_t limit) {
  const std::size_t difference = left.size() > right.size() ? left.size() - right.size() : right.size() - left.size();
  if (difference > limit) {
    return limit + 1;
  }
  std::vector<std::size_t> two_ago(right.size() + 1);
  std::vector<std::size_t> before(right.size() + 1);
  std::vector<std::size_t> current(right.size() + 1);
  for (std::size_t j = 0; j <= right.size(); ++j) {
    before[j] = j;
  }
  for (std::size_t i = 1; i <= left.size(); ++i) {
    current[0] = i;
    for (std::size_t j = 1; j <= right.size(); ++j) {
      const std::size_t replaced = before[j - 1] + (left[i - 1] == right[j - 1] ? 0 : 1);
      current[j] = std::min({replaced, before[j] + 1, current[j - 1] + 1});
      if (i > 1 && j > 1 && left[i - 1] == right[j - 2] && left[i - 2] == right[j - 1]) {
        current[j] = std::min(current[j], two_ago[j - 2] + 1);
      }
    }
    two_ago.swap(before);
    before.swap(current);
  }
  return std::min(before[right.size()], limit + 1);
}

Result<ColumnChoice> choose_columns(const Header& header, const Settings& settings) {
  if (header.columns.empty()) {
    return Error{ErrorCode::kInvalidArgument,
                 header.file + ": nothing in it could be read as a record; `luthier data check` says why"};
  }
  const Chooser chooser(header);
  LUTHIER_TRY(ColumnChoice choice, choose_main_columns(header, settings, chooser));
  if (!settings.split.group.empty()) {
    LUTHIER_TRY(choice.group, chooser.named(settings.split.group, "split.group"));
  }
  return choice;
}

}  // namespace luthier::data
