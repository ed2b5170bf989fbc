// SQLite behind RAII: a connection with its prepared statements, transactions, and a pool of reading connections.
//
// Every failure becomes an Error that names the file and the SQL operation. A Database is used by one thread at a
// time; its owner guards it. No exceptions.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <mutex>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "base/result.h"

struct sqlite3;
struct sqlite3_stmt;

namespace luthier::store {

using Json = nlohmann::json;

// Bytes to bind as a BLOB; borrowed during the call.
struct Blob {
  std::string_view bytes;
};

// Compact text of `value`. Bytes that are not UTF-8 are replaced, so this never fails.
[[nodiscard]] std::string to_text(const Json& value);

// The present row of a query; columns count from 0. Valid inside the callback only.
class Row {
 public:
  explicit Row(sqlite3_stmt* statement) : statement_(statement) {}
  [[nodiscard]] bool is_null(int column) const;
  [[nodiscard]] std::int64_t integer(int column) const;
  [[nodiscard]] std::uint64_t unsigned_integer(int column) const { return static_cast<std::uint64_t>(integer(column)); }
  [[nodiscard]] double real(int column) const;
  // Text or BLOB, borrowed until the callback returns.
  [[nodiscard]] std::string_view view(int column) const;
  [[nodiscard]] std::string text(int column) const { return std::string(view(column)); }
  // Parses text; null for a NULL column or text that is not JSON.
  [[nodiscard]] Json json(int column) const;

 private:
  sqlite3_stmt* statement_;
};

// A prepared statement, kept by its Database. Binds borrow their bytes until reset.
class Statement {
 public:
  Statement(sqlite3_stmt* statement) : statement_(statement) {}  // NOLINT: takes ownership
  Statement(const Statement&) = delete;
  Statement& operator=(const Statement&) = delete;
  ~Statement();

  // SQLite result codes; `index` counts from 1.
  int bind_null(int index);
  int bind_integer(int index, std::int64_t value);
  int bind_real(int index, double value);
  int bind_text(int index, std::string_view value);
  int bind_blob(int index, std::string_view value);
  int bind_json(int index, const Json& value);
  int step();
  void reset();
  [[nodiscard]] bool busy() const;
  [[nodiscard]] Row row() const { return Row(statement_); }

  // By type: integers, double, text, Blob, Json, nullptr, optional of these.
  template <class Value>
  int bind(int index, const Value& value) {
    if constexpr (std::is_same_v<Value, std::nullptr_t>) {
      return bind_null(index);
    } else if constexpr (std::is_integral_v<Value>) {
      return bind_integer(index, static_cast<std::int64_t>(value));
    } else if constexpr (std::is_floating_point_v<Value>) {
      return bind_real(index, value);
    } else if constexpr (std::is_same_v<Value, Blob>) {
      return bind_blob(index, value.bytes);
    } else if constexpr (std::is_same_v<Value, Json>) {
      return bind_json(index, value);
    } else if constexpr (std::is_convertible_v<const Value&, std::string_view>) {
      return bind_text(index, value);
    } else {
      return value.has_value() ? bind(index, *value) : bind_null(index);
    }
  }

 private:
  sqlite3_stmt* statement_;
};

class Database {
 public:
  enum class Access { kReadWrite, kReadOnly };

  // Opens or creates (mode 0600) the file: WAL, synchronous=FULL, foreign keys on, 10 s of patience with other
  // writers. kReadOnly refuses writes.
  [[nodiscard]] static Result<std::unique_ptr<Database>> open(const std::filesystem::path& file, Access access);
  Database(const Database&) = delete;
  Database& operator=(const Database&) = delete;
  ~Database();

  // Runs `sql` (one statement; prepared once, so it should be a literal) with `values` bound in order. `each` gets
  // every row and returns void or Result<void>; its error ends the query.
  template <class Each, class... Values>
  [[nodiscard]] Result<void> query(std::string_view sql, Each&& each, const Values&... values) {
    LUTHIER_TRY(Statement* const statement, prepare(sql));
    const ResetOnExit reset{*statement};
    int index = 0;
    int code = 0;
    ((code = code == 0 ? statement->bind(++index, values) : code), ...);
    if (code != 0) {
      return failure(sql);
    }
    while (true) {
      LUTHIER_TRY(const bool has_row, advance(*statement, sql));
      if (!has_row) {
        return {};
      }
      if constexpr (std::is_void_v<decltype(each(statement->row()))>) {
        each(statement->row());
      } else {
        LUTHIER_TRY_VOID(each(statement->row()));
      }
    }
  }
  template <class... Values>
  [[nodiscard]] Result<void> run(std::string_view sql, const Values&... values) {
    return query(
        sql, [](const Row&) {}, values...);
  }
  // The first column of the first row; nothing when there is no row or it is NULL.
  template <class... Values>
  [[nodiscard]] Result<std::optional<std::int64_t>> query_integer(std::string_view sql, const Values&... values) {
    std::optional<std::int64_t> found;
    LUTHIER_TRY_VOID(query(
        sql,
        [&found](const Row& row) {
          if (!found && !row.is_null(0)) {
            found = row.integer(0);
          }
        },
        values...));
    return found;
  }
  // Several statements without values, not kept.
  [[nodiscard]] Result<void> run_script(const std::string& sql);

  // Copies the whole database as it is at one moment to a new file, while others go on reading and writing.
  [[nodiscard]] Result<void> copy_to(const std::filesystem::path& file);

  [[nodiscard]] std::int64_t changed_rows() const;  // by the newest INSERT, UPDATE or DELETE
  [[nodiscard]] std::int64_t last_row_id() const;
  [[nodiscard]] bool in_transaction() const;
  [[nodiscard]] const std::filesystem::path& file() const { return file_; }

 private:
  struct ResetOnExit {
    Statement& statement;
    ~ResetOnExit() { statement.reset(); }
  };

  explicit Database(std::filesystem::path file) : file_(std::move(file)) {}
  Result<Statement*> prepare(std::string_view sql);
  Result<bool> advance(Statement& statement, std::string_view sql);
  Error failure(std::string_view sql) const;

  std::filesystem::path file_;
  sqlite3* handle_ = nullptr;
  std::map<std::string, Statement, std::less<>> statements_;
};

// Rolls back unless committed. A write transaction takes the write lock at once, so that nothing read in it is stale.
class Transaction {
 public:
  enum class Kind { kRead, kWrite };
  [[nodiscard]] static Result<Transaction> begin(Database& database, Kind kind);
  Transaction(Transaction&& other) noexcept : database_(std::exchange(other.database_, nullptr)) {}
  Transaction& operator=(Transaction&&) = delete;
  ~Transaction();
  [[nodiscard]] Result<void> commit();

 private:
  explicit Transaction(Database& database) : database_(&database) {}
  Database* database_;
};

// Reading connections, opened as needed up to a limit, so that readers block neither writers nor one another.
// Thread-safe; outlives its leases.
class ReadPool {
 public:
  ReadPool(std::filesystem::path file, int connections_max)
      : file_(std::move(file)), connections_left_(connections_max) {}

  // A connection and a read transaction on it: everything read through one lease is of one moment.
  class Lease {
   public:
    Lease(ReadPool& pool, std::unique_ptr<Database> database, Transaction transaction)
        : pool_(&pool), database_(std::move(database)), transaction_(std::move(transaction)) {}
    Lease(Lease&&) noexcept = default;
    Lease& operator=(Lease&&) = delete;
    ~Lease();
    Database& operator*() const { return *database_; }
    Database* operator->() const { return database_.get(); }

   private:
    ReadPool* pool_;
    std::unique_ptr<Database> database_;
    std::optional<Transaction> transaction_;
  };

  // Waits while all connections are out.
  [[nodiscard]] Result<Lease> take();

 private:
  Result<std::unique_ptr<Database>> take_connection();
  void give_back(std::unique_ptr<Database> database);

  const std::filesystem::path file_;
  std::mutex mutex_;
  std::condition_variable returned_;
  std::vector<std::unique_ptr<Database>> idle_;
  int connections_left_;
};

}  // namespace luthier::store
