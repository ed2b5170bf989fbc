// The journal's rows, chained: each row's `chain` is a digest of the row and of the chain before it, so that a row that
// was changed, or a history that is not the one it was, is noticed. Rows of releases before schema version 2 have an
// empty chain and are taken as they are.
#pragma once

#include <cstdint>
#include <string>

#include "controller/store/sqlite.h"
#include "controller/store/store.h"

namespace luthier::store {

// The newest record there is, in rows or archives; index 0 when there is none.
struct JournalHead {
  std::uint64_t index = 0;
  std::uint64_t epoch = 0;
  std::int64_t wall_ms = 0;
  std::string chain;
  friend bool operator==(const JournalHead&, const JournalHead&) = default;
};

// One record as text, with its place in the chain.
struct StoredRecord {
  std::uint64_t index = 0;
  std::uint64_t epoch = 0;
  Now now;
  std::string event;
  std::string body;
  std::string chain;
};

[[nodiscard]] std::string next_chain(const std::string& chain_before, const StoredRecord& record);

[[nodiscard]] Result<JournalHead> read_head(Database& database);
// Appends the batch's records and projects them. `head` is the present one and becomes the new one.
[[nodiscard]] Result<void> append_records(Database& database, const Batch& batch, JournalHead& head);
// The rows from `first` on, in order.
[[nodiscard]] Result<void> read_rows(Database& database, std::uint64_t first,
                                     const std::function<Result<void>(const StoredRecord&)>& each);

// Follows records one after the other: kDataLoss when one is missing or is not what was written.
class ChainReader {
 public:
  // Starts after record `index`, whose chain this is (empty: not known).
  ChainReader(std::uint64_t index, std::string chain) : index_(index), chain_(std::move(chain)) {}
  [[nodiscard]] Result<JournalRecord> next(const StoredRecord& record);
  [[nodiscard]] std::uint64_t index() const { return index_; }
  [[nodiscard]] const std::string& chain() const { return chain_; }

 private:
  std::uint64_t index_;
  std::string chain_;
};

}  // namespace luthier::store
