#include "pipelines/data/read_files.h"

#include <algorithm>
#include <deque>
#include <future>
#include <thread>

namespace luthier::data {
namespace {

// A taker with the batch it works on. Owned by the reading thread; lent to one other at a time.
struct Worker {
  std::unique_ptr<Taker> taker;
  read::Batch batch;
};

class FileReader {
 public:
  FileReader(const std::string& file, const std::function<std::unique_ptr<Taker>()>& make_taker, std::size_t threads,
             Records& records, Report& report)
      : file_(file), records_(records), report_(report) {
    // One more than there are threads, so that those have work while the oldest is waited for.
    for (std::size_t i = 0; i < threads + (threads > 1 ? 1 : 0); ++i) {
      workers_.push_back(std::make_unique<Worker>(Worker{make_taker(), {}}));
      idle_.push_back(workers_.back().get());
    }
  }

  Result<ReadFile> run(read::Reader& reader) {
    while (true) {
      if (idle_.empty()) {
        LUTHIER_TRY_VOID(fold());
      }
      Worker* worker = idle_.back();
      LUTHIER_TRY(const bool more, reader.next(worker->batch));
      if (!more) {
        break;
      }
      idle_.pop_back();
      const auto launch = workers_.size() == 1 ? std::launch::deferred : std::launch::async;
      running_.push_back({std::async(launch, [worker] { return worker->taker->take(worker->batch); }), worker});
    }
    while (!running_.empty()) {
      LUTHIER_TRY_VOID(fold());
    }
    for (const auto& worker : workers_) {
      LUTHIER_TRY_VOID(add(worker->taker->finish()));
    }
    return read_;
  }

 private:
  struct Running {
    std::future<Taken> taken;
    Worker* worker;
  };

  // Takes the oldest batch's records.
  Result<void> fold() {
    const Taken taken = running_.front().taken.get();
    idle_.push_back(running_.front().worker);
    running_.pop_front();
    return add(taken);
  }

  Result<void> add(const Taken& taken) {
    for (const Taken::Note& note : taken.notes) {
      report_.add(note.code, note.message, note.drops_row, {file_, note.line, note.detail}, note.rows);
    }
    report_.advice.insert(report_.advice.end(), taken.advice.begin(), taken.advice.end());
    if (taken.error) {
      return *taken.error;
    }
    read_.rows += taken.rows;
    report_.rows.read += taken.rows + taken.rows_made;
    read_.separators &= taken.separators;
    return records_.append(taken.records);
  }

  const std::string& file_;
  Records& records_;
  Report& report_;
  std::vector<std::unique_ptr<Worker>> workers_;
  std::vector<Worker*> idle_;
  std::deque<Running> running_;
  ReadFile read_;
};

}  // namespace

Result<ReadFile> read_records(read::Reader& reader, const std::string& file,
                              const std::function<std::unique_ptr<Taker>()>& make_taker, std::size_t threads,
                              Records& records, Report& report) {
  return FileReader(file, make_taker, threads, records, report).run(reader);
}

std::size_t threads_for(std::size_t asked) {
  return asked != 0 ? asked : std::max<std::size_t>(1, std::thread::hardware_concurrency());
}

}  // namespace luthier::data
