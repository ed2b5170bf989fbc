// luthier-prep: the process of a `prepare` or `pack` step (docs/worker-protocol.md).
//
//   LUTHIER_JOB=job.json [LUTHIER_SOCKET=socket] luthier-prep prepare|pack
#include <csignal>
#include <cstring>
#include <iostream>
#include <memory>
#include <new>
#include <optional>
#include <string>

#include "base/version.h"
#include "pipelines/data/pack/pack_step.h"
#include "pipelines/data/prepare.h"
#include "pipelines/worker_protocol/channel.h"
#include "pipelines/worker_protocol/job.h"

namespace {

using luthier::Error;
using luthier::ErrorCode;
using luthier::Result;
namespace data = luthier::data;
namespace worker_protocol = luthier::worker_protocol;

constexpr int kUserFailure = 1;
constexpr int kInfrastructureFailure = 2;

// Relative to the step's working folder.
constexpr const char* kOutputFolder = "out";

volatile std::sig_atomic_t terminated = 0;  // set by SIGTERM, which means the same as `stop`

void print_summary(const data::Prepared& prepared) {
  const data::Report& report = prepared.report;
  for (const data::FileSummary& file : report.files) {
    std::cout << "read " << file.file << " (" << file.format << "): " << file.rows << " rows\n";
  }
  std::cout << "task: " << report.task << "\n";
  for (const data::Remedy& remedy : report.remedies()) {
    std::cout << "  " << remedy.code << ": " << remedy.rows << "  " << remedy.message << "\n";
  }
  for (const auto& [label, count] : report.labels) {
    std::cout << "  label \"" << label << "\": " << count << " rows\n";
  }
  for (const std::string& advice : report.advice) {
    std::cout << "  advice: " << advice << "\n";
  }
  std::cout << "kept " << report.rows.kept << " of " << report.rows.read << " rows: " << report.rows.train << " train, "
            << report.rows.validation << " validation, " << report.rows.test << " test" << std::endl;
}

// nullopt: asked to stop. Nothing is lost by stopping: the next attempt starts from the source again.
Result<std::optional<nlohmann::json>> prepare(worker_protocol::Channel& channel) {
  LUTHIER_TRY(const worker_protocol::Job job, worker_protocol::read_job_from_environment());
  LUTHIER_TRY(data::Settings settings, data::parse_settings(job.with));
  settings.temporary_folder = ".";  // the step's working folder lies where there is room for data
  settings.stopped = [&channel] { return terminated != 0 || channel.stop_requested(); };
  const Result<data::Prepared> analyzed = data::analyze(settings);
  if (!analyzed && analyzed.error().code == ErrorCode::kCancelled) {
    std::cout << "stopped before anything was written" << std::endl;
    return std::optional<nlohmann::json>();
  }
  if (!analyzed) {
    return analyzed.error();
  }
  const data::Prepared& prepared = *analyzed;
  print_summary(prepared);
  channel.progress({.done = prepared.report.rows.read, .total = prepared.report.rows.read, .unit = "rows"});
  if (terminated != 0 || channel.stop_requested()) {
    std::cout << "stopped before anything was written" << std::endl;
    return std::optional<nlohmann::json>();
  }
  LUTHIER_TRY_VOID(data::write_prepared(prepared, kOutputFolder));
  return std::optional<nlohmann::json>(data::outputs_of(prepared, kOutputFolder));
}

// Stopped, it leaves nothing: the next attempt starts from the data again.
Result<std::optional<nlohmann::json>> pack(worker_protocol::Channel& channel) {
  LUTHIER_TRY(const worker_protocol::Job job, worker_protocol::read_job_from_environment());
  LUTHIER_TRY(data::pack::PackedDataset packed, data::pack::pack_dataset(job.with, kOutputFolder));
  const data::pack::PackReport& report = packed.report;
  std::cout << "packed " << report.samples << " samples with " << report.tokens << " tokens (" << report.trained_tokens
            << " to learn) in " << report.bins << " rows of " << packed.budget << "\n";
  std::cout << report.truncated << " were longer than a row, " << report.mended << " changed for the chat template\n";
  for (const auto& [reason, records] : report.dropped) {
    std::cout << records.count << " dropped: " << meaning_of(reason) << "; the first at line " << records.first_line
              << "\n";
  }
  std::cout << std::flush;
  channel.progress({.done = static_cast<std::int64_t>(report.samples),
                    .total = static_cast<std::int64_t>(report.samples),
                    .unit = "samples"});
  if (terminated != 0 || channel.stop_requested()) {
    return std::optional<nlohmann::json>();
  }
  return std::optional<nlohmann::json>(std::move(packed.outputs));
}

// Tells the agent, and a person who reads the log.
int report_failure(worker_protocol::Channel& channel, const Error& error) {
  const bool user = error.code == ErrorCode::kInvalidArgument || error.code == ErrorCode::kNotFound ||
                    error.code == ErrorCode::kFailedPrecondition;
  std::cerr << "luthier-prep: " << error.message << std::endl;
  const auto failure = user ? worker_protocol::FailureClass::kUser : worker_protocol::FailureClass::kInfrastructure;
  const auto sent = channel.error(failure, user ? "invalid_data" : "internal", error.message);
  return user && sent ? kUserFailure : kInfrastructureFailure;
}

int run(const std::string& verb) {
  auto channel = worker_protocol::Channel::open_from_environment("luthier-prep");
  if (!channel) {
    std::cerr << "luthier-prep: " << channel.error().message << std::endl;
    return kInfrastructureFailure;
  }
  const auto outputs = verb == "pack" ? pack(**channel) : prepare(**channel);
  if (!outputs) {
    return report_failure(**channel, outputs.error());
  }
  if (!outputs->has_value()) {
    return 0;
  }
  const auto sent = (*channel)->result(**outputs);
  if (!sent) {
    std::cerr << "luthier-prep: " << sent.error().message << std::endl;
    return kInfrastructureFailure;
  }
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc == 2 && std::strcmp(argv[1], "--version") == 0) {
    std::cout << "luthier-prep " << luthier::kVersion << "\n";
    return 0;
  }
  if (argc != 2 || (std::strcmp(argv[1], "prepare") != 0 && std::strcmp(argv[1], "pack") != 0)) {
    std::cerr << "usage: LUTHIER_JOB=job.json [LUTHIER_SOCKET=socket] luthier-prep prepare|pack, or luthier-prep "
                 "--version\n";
    return kInfrastructureFailure;
  }
  struct sigaction action {};
  action.sa_handler = [](int) { terminated = 1; };
  (void)::sigaction(SIGTERM, &action, nullptr);
  try {
    return run(argv[1]);
  } catch (const std::bad_alloc&) {  // by the size of the data, which the settings do not bound exactly
    std::cerr << "luthier-prep: out of memory\n";
    return kInfrastructureFailure;
  }
}
