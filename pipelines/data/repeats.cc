#include "pipelines/data/repeats.h"

#include <vector>

#include "pipelines/data/whitespace.h"

namespace luthier::data {
namespace {

constexpr int kLineBits = 48;

}  // namespace

Spot Spot::of(const Record& record) {
  return {std::uint64_t{record.file_number} << kLineBits | static_cast<std::uint64_t>(record.line)};
}
std::uint32_t Spot::file_number() const { return static_cast<std::uint32_t>(value >> kLineBits); }
std::int64_t Spot::line() const { return static_cast<std::int64_t>(value & ((std::uint64_t{1} << kLineBits) - 1)); }

Repeats::Repeats(const std::filesystem::path& folder, std::size_t memory_bytes, bool ignore_whitespace, bool conflicts)
    : repeated(folder, memory_bytes / 8),
      conflicting(folder, memory_bytes / 8),
      folder_(folder),
      share_bytes_(memory_bytes / 4),
      ignore_whitespace_(ignore_whitespace),
      same_(folder, memory_bytes / 4) {
  if (conflicts) {
    answers_.emplace(folder, share_bytes_);
  }
}

Result<void> Repeats::add(std::uint64_t row, const Record& record) {
  LUTHIER_TRY_VOID(same_.add({scratch::hash_of(identity_of(record, ignore_whitespace_)), row, Spot::of(record)}));
  if (answers_) {
    LUTHIER_TRY_VOID(
        answers_->add({scratch::hash_of(collapsed(record.prompt)), scratch::hash_of(record.completion), row}));
  }
  return {};
}

Result<void> Repeats::finish() {
  LUTHIER_TRY_VOID(find_repeated());
  return answers_ ? find_conflicting() : Result<void>();
}

Result<void> Repeats::find_repeated() {
  scratch::SpillSorter<RepeatedRow> by_row(folder_, share_bytes_);
  std::optional<Same> first;
  Result<void> outcome;
  LUTHIER_TRY_VOID(same_.drain([&](const Same& entry) {
    if (!first || entry.hash != first->hash) {
      first = entry;
    } else if (outcome) {
      outcome = by_row.add({entry.row, first->spot});
    }
  }));
  LUTHIER_TRY_VOID(outcome);
  LUTHIER_TRY_VOID(by_row.drain([&](const RepeatedRow& repeat) {
    if (outcome) {
      outcome = repeated.push_back(repeat);
    }
  }));
  return outcome;
}

Result<void> Repeats::find_conflicting() {
  scratch::SpillSorter<std::uint64_t> by_row(folder_, share_bytes_);
  // Of one prompt: the rows of the first answer wait until another answer comes.
  std::optional<Answer> first;
  bool conflict = false;
  scratch::DiskArray<std::uint64_t> waiting(folder_, share_bytes_);
  Result<void> outcome;
  const auto add = [&](std::uint64_t row) { return by_row.add(row); };
  LUTHIER_TRY_VOID(answers_->drain([&](const Answer& answer) {
    if (!outcome) {
      return;
    }
    if (!first || answer.prompt != first->prompt) {
      first = answer;
      conflict = false;
      waiting.clear();
    } else if (!conflict && answer.completion != first->completion) {
      conflict = true;
      outcome = waiting.for_each(add);
    }
    if (outcome) {
      outcome = conflict ? add(answer.row) : waiting.push_back(answer.row);
    }
  }));
  LUTHIER_TRY_VOID(outcome);
  LUTHIER_TRY_VOID(by_row.drain([&](const std::uint64_t& row) {
    if (outcome) {
      outcome = conflicting.push_back(row);
    }
  }));
  return outcome;
}

}  // namespace luthier::data
