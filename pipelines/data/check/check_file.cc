#include "pipelines/data/check/check_file.h"

#include <deque>
#include <future>
#include <thread>

#include "pipelines/data/check/conclusions.h"
#include "pipelines/data/check/duplicates.h"
#include "pipelines/data/check/record_checker.h"

namespace luthier::data::check {
namespace {

// A checker with the batch it works on. Owned by the reading thread; lent to one other at a time.
struct Worker {
  explicit Worker(const RecordCheckerOptions& options) : checker(options) {}
  RecordChecker checker;
  read::Batch batch;
};

class FileChecker {
 public:
  FileChecker(const CheckOptions& options, std::string name, Part part, Duplicates& duplicates)
      : name_(std::move(name)), part_(part), duplicates_(duplicates), stop_(options.stop) {
    const std::size_t cores = std::max(1U, std::thread::hardware_concurrency());
    const std::size_t threads = options.threads == 0 ? cores : options.threads;
    // One more than there are threads, so that those have work while the oldest is waited for.
    for (std::size_t i = 0; i < threads + (threads > 1 ? 1 : 0); ++i) {
      workers_.push_back(std::make_unique<Worker>(RecordCheckerOptions{
          name_, options.near_duplicates, options.model, options.rule, options.chat, options.context, options.images}));
      idle_.push_back(workers_.back().get());
    }
  }

  Result<Totals> run(read::Reader& reader) {
    while (!stop_.stop_requested()) {
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
      running_.push_back({std::async(launch, [worker] { return worker->checker.check(worker->batch); }), worker});
    }
    while (!running_.empty()) {
      LUTHIER_TRY_VOID(fold());
    }
    if (stop_.stop_requested()) {
      return Error{ErrorCode::kCancelled, name_ + ": the check was stopped"};
    }
    return std::move(totals_);
  }

 private:
  struct Running {
    std::future<BatchResult> result;
    Worker* worker;
  };

  // Takes the oldest batch's result.
  Result<void> fold() {
    BatchResult result = running_.front().result.get();
    idle_.push_back(running_.front().worker);
    running_.pop_front();
    LUTHIER_TRY_VOID(duplicates_.add(part_, result));
    totals_.append(std::move(result.totals));
    return {};
  }

  std::string name_;
  Part part_;
  Duplicates& duplicates_;
  std::stop_token stop_;
  std::vector<std::unique_ptr<Worker>> workers_;
  std::vector<Worker*> idle_;
  std::deque<Running> running_;
  Totals totals_;
};

struct CheckedFile {
  Totals totals;
  FileFacts facts;
};

Result<CheckedFile> check_one(const CheckOptions& options, const std::filesystem::path& path, Part part,
                              Duplicates& duplicates) {
  read::ReadOptions read = options.read;
  const std::string& name = part == Part::kTraining ? options.name : options.validation_name;
  read.name = name.empty() ? path.string() : name;
  LUTHIER_TRY(const auto reader, read::open_reader(path, read));
  FileChecker checker(options, read.name, part, duplicates);
  CheckedFile checked;
  checked.totals.findings = Findings(options.places_max);
  LUTHIER_TRY(Totals totals, checker.run(*reader));
  checked.facts = {read.name,
                   std::string(name_of(reader->format())),
                   totals.kinds.empty() ? "" : std::string(name_of(main_kind(totals))),
                   totals.records,
                   totals.examples,
                   reader->bytes_read(),
                   totals.images,
                   totals.images_usable,
                   totals.examples_with_images};
  checked.totals.append(std::move(totals));
  return checked;
}

void count_label_tokens(const CheckOptions& options, Report& report) {
  constexpr std::size_t kLabelsMax = 1'000;
  if (!options.model || report.labels.size() > kLabelsMax) {
    return;
  }
  std::map<text::TokenId, const LabelFacts*> by_first;
  for (LabelFacts& label : report.labels) {
    const auto ids = options.model->tokenizer->encode(label.label);
    if (!ids || ids->empty()) {
      continue;
    }
    const auto add = [&](std::string_view code, const std::string& message) {
      report.findings.add(code, [&] { return Place{report.training.file, 0, 0, message}; });
    };
    label.tokens = static_cast<std::int64_t>(ids->size());
    if (label.tokens > 1) {
      add("label_tokens", quote(label.label) + " is " + std::to_string(label.tokens) + " tokens");
    }
    const auto [known, is_new] = by_first.emplace(ids->front(), &label);
    if (!is_new) {
      add("label_first_token", quote(label.label) + " begins like " + quote(known->second->label));
    }
  }
}

}  // namespace

Result<Report> check_file(const CheckOptions& options) {
  std::filesystem::path folder = options.temporary_folder;
  if (folder.empty()) {
    std::error_code error;
    folder = std::filesystem::temp_directory_path(error);
  }
  Duplicates duplicates(folder, options.memory_bytes);
  LUTHIER_TRY(CheckedFile training, check_one(options, options.file, Part::kTraining, duplicates));
  Report report;
  report.training = training.facts;
  report.context = options.context;
  std::vector<std::string> names{training.facts.file};
  report.findings = Findings(options.places_max);
  report.findings.append(std::move(training.totals.findings));
  training.totals.findings = Findings();
  if (options.validation) {
    LUTHIER_TRY(CheckedFile validation, check_one(options, *options.validation, Part::kValidation, duplicates));
    report.validation = validation.facts;
    names.push_back(validation.facts.file);
    report.findings.append(std::move(validation.totals.findings));
  }
  LUTHIER_TRY_VOID(duplicates.finish(names, report.findings));
  if (options.model) {
    report.tokens = training.totals.tokens;
    report.rule = options.rule;
  }
  conclude(training.totals, report);
  count_label_tokens(options, report);
  return report;
}

}  // namespace luthier::data::check
