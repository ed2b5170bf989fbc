#include "controller/store/sqlite.h"

#include <fcntl.h>
#include <sqlite3.h>

#include <cerrno>
#include <cstring>

#include "base/unique_fd.h"

namespace luthier::store {
namespace {

constexpr int kBusyTimeoutMs = 10'000;

ErrorCode code_of(int sqlite_code) {
  switch (sqlite_code & 0xff) {
    case SQLITE_FULL: return ErrorCode::kResourceExhausted;
    case SQLITE_TOOBIG: return ErrorCode::kResourceExhausted;
    case SQLITE_BUSY: return ErrorCode::kUnavailable;
    case SQLITE_CORRUPT: return ErrorCode::kDataLoss;
    case SQLITE_NOTADB: return ErrorCode::kDataLoss;
    case SQLITE_PERM: return ErrorCode::kPermissionDenied;
    case SQLITE_READONLY: return ErrorCode::kPermissionDenied;
    default: return ErrorCode::kInternal;
  }
}

// "INSERT INTO journal…": enough to find the statement, never the values.
std::string operation(std::string_view sql) {
  constexpr std::size_t kLengthMax = 60;
  const std::size_t start = std::min(sql.find_first_not_of(" \n"), sql.size());
  std::string name(sql.substr(start, kLengthMax));
  for (char& character : name) {
    character = character == '\n' ? ' ' : character;
  }
  return sql.size() - start > kLengthMax ? name + "…" : name;
}

// Before SQLite would make it with the process's umask; its -wal and -shm files take the same mode.
Result<void> create_private_file(const std::filesystem::path& file) {
  const UniqueFd fd(::open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  if (!fd.valid()) {
    return Error{ErrorCode::kInternal, "cannot open " + file.string() + ": " + std::strerror(errno)};
  }
  return {};
}

}  // namespace

std::string to_text(const Json& value) { return value.dump(-1, ' ', false, Json::error_handler_t::replace); }

// --- Row ---

bool Row::is_null(int column) const { return sqlite3_column_type(statement_, column) == SQLITE_NULL; }
std::int64_t Row::integer(int column) const { return sqlite3_column_int64(statement_, column); }
double Row::real(int column) const { return sqlite3_column_double(statement_, column); }

std::string_view Row::view(int column) const {
  const void* bytes = sqlite3_column_blob(statement_, column);
  const int count = sqlite3_column_bytes(statement_, column);
  return bytes == nullptr ? std::string_view()
                          : std::string_view(static_cast<const char*>(bytes), static_cast<std::size_t>(count));
}

Json Row::json(int column) const {
  Json value = is_null(column) ? Json() : Json::parse(view(column), nullptr, false);
  return value.is_discarded() ? Json() : value;
}

// --- Statement ---

Statement::~Statement() { sqlite3_finalize(statement_); }
int Statement::bind_null(int index) { return sqlite3_bind_null(statement_, index); }
int Statement::bind_integer(int index, std::int64_t value) { return sqlite3_bind_int64(statement_, index, value); }
int Statement::bind_real(int index, double value) { return sqlite3_bind_double(statement_, index, value); }

int Statement::bind_text(int index, std::string_view value) {
  // A null pointer would bind NULL.
  const char* bytes = value.data() == nullptr ? "" : value.data();
  return sqlite3_bind_text64(statement_, index, bytes, value.size(), SQLITE_STATIC, SQLITE_UTF8);
}

int Statement::bind_blob(int index, std::string_view value) {
  const char* bytes = value.data() == nullptr ? "" : value.data();
  return sqlite3_bind_blob64(statement_, index, bytes, value.size(), SQLITE_STATIC);
}

int Statement::bind_json(int index, const Json& value) {
  const std::string text = to_text(value);
  return sqlite3_bind_text64(statement_, index, text.data(), text.size(), SQLITE_TRANSIENT, SQLITE_UTF8);
}

int Statement::step() { return sqlite3_step(statement_); }

void Statement::reset() {
  sqlite3_reset(statement_);
  sqlite3_clear_bindings(statement_);
}

bool Statement::busy() const { return sqlite3_stmt_busy(statement_) != 0; }

// --- Database ---

Result<std::unique_ptr<Database>> Database::open(const std::filesystem::path& file, Access access) {
  LUTHIER_TRY_VOID(create_private_file(file));
  std::unique_ptr<Database> database(new Database(file));  // the constructor is private
  const int code = sqlite3_open_v2(file.c_str(), &database->handle_,
                                   SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE, nullptr);
  if (code != SQLITE_OK) {
    return database->failure("open");
  }
  sqlite3_busy_timeout(database->handle_, kBusyTimeoutMs);
  LUTHIER_TRY_VOID(
      database->run_script("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;"
                           "PRAGMA foreign_keys = ON;"));
  if (access == Access::kReadOnly) {
    LUTHIER_TRY_VOID(database->run_script("PRAGMA query_only = ON;"));
  }
  return database;
}

Database::~Database() {
  statements_.clear();
  sqlite3_close_v2(handle_);
}

Result<void> Database::run_script(const std::string& sql) {
  if (sqlite3_exec(handle_, sql.c_str(), nullptr, nullptr, nullptr) != SQLITE_OK) {
    return failure(sql);
  }
  return {};
}

Result<Statement*> Database::prepare(std::string_view sql) {
  auto found = statements_.find(sql);
  if (found == statements_.end()) {
    sqlite3_stmt* statement = nullptr;
    if (sqlite3_prepare_v3(handle_, sql.data(), static_cast<int>(sql.size()), SQLITE_PREPARE_PERSISTENT, &statement,
                           nullptr) != SQLITE_OK) {
      return failure(sql);
    }
    found = statements_.try_emplace(std::string(sql), statement).first;
  }
  LUTHIER_CHECK(!found->second.busy());  // a query may not run itself from its own callback
  return &found->second;
}

Result<bool> Database::advance(Statement& statement, std::string_view sql) {
  const int code = statement.step();
  if (code != SQLITE_ROW && code != SQLITE_DONE) {
    return failure(sql);
  }
  return code == SQLITE_ROW;
}

Error Database::failure(std::string_view sql) const {
  return Error{code_of(sqlite3_errcode(handle_)),
               file_.string() + ": " + operation(sql) + ": " + sqlite3_errmsg(handle_)};
}

Result<void> Database::copy_to(const std::filesystem::path& file) {
  LUTHIER_TRY(const std::unique_ptr<Database> copy, open(file, Access::kReadWrite));
  sqlite3_backup* backup = sqlite3_backup_init(copy->handle_, "main", handle_, "main");
  if (backup == nullptr) {
    return copy->failure("backup");
  }
  const int stepped = sqlite3_backup_step(backup, -1);  // all at once: of one moment; with a WAL nobody waits for it
  const int finished = sqlite3_backup_finish(backup);
  if (stepped != SQLITE_DONE || finished != SQLITE_OK) {
    return copy->failure("backup");
  }
  return copy->run_script("PRAGMA wal_checkpoint(TRUNCATE)");
}

std::int64_t Database::changed_rows() const { return sqlite3_changes64(handle_); }
std::int64_t Database::last_row_id() const { return sqlite3_last_insert_rowid(handle_); }
bool Database::in_transaction() const { return sqlite3_get_autocommit(handle_) == 0; }

// --- Transaction ---

Result<Transaction> Transaction::begin(Database& database, Kind kind) {
  LUTHIER_TRY_VOID(kind == Kind::kWrite ? database.run("BEGIN IMMEDIATE") : database.run("BEGIN"));
  return Transaction(database);
}

Transaction::~Transaction() {
  // SQLite rolls back by itself after some errors (a full disk); a failing rollback leaves nothing committed either.
  if (database_ != nullptr && database_->in_transaction()) {
    static_cast<void>(database_->run("ROLLBACK"));
  }
}

Result<void> Transaction::commit() {
  LUTHIER_CHECK(database_ != nullptr);
  LUTHIER_TRY_VOID(database_->run("COMMIT"));
  database_ = nullptr;
  return {};
}

// --- ReadPool ---

ReadPool::Lease::~Lease() {
  if (database_) {
    transaction_.reset();
    pool_->give_back(std::move(database_));
  }
}

Result<ReadPool::Lease> ReadPool::take() {
  LUTHIER_TRY(auto database, take_connection());
  auto transaction = Transaction::begin(*database, Transaction::Kind::kRead);
  if (!transaction) {
    give_back(std::move(database));
    return std::move(transaction).error();
  }
  return Lease(*this, std::move(database), std::move(transaction).value());
}

Result<std::unique_ptr<Database>> ReadPool::take_connection() {
  {
    std::unique_lock lock(mutex_);
    returned_.wait(lock, [this] { return !idle_.empty() || connections_left_ > 0; });
    if (!idle_.empty()) {
      std::unique_ptr<Database> database = std::move(idle_.back());
      idle_.pop_back();
      return database;
    }
    --connections_left_;
  }
  auto opened = Database::open(file_, Database::Access::kReadOnly);
  if (!opened) {
    const std::lock_guard lock(mutex_);
    ++connections_left_;
    returned_.notify_one();
  }
  return opened;
}

void ReadPool::give_back(std::unique_ptr<Database> database) {
  {
    const std::lock_guard lock(mutex_);
    idle_.push_back(std::move(database));
  }
  returned_.notify_one();
}

}  // namespace luthier::store
