// Checks of data files that were uploaded: the same library, and the same report, as `luthier data check`.
#include <atomic>
#include <memory>
#include <stop_token>

#include "controller/http/api/api.h"
#include "pipelines/data/check/check_file.h"

namespace luthier::http::api {
namespace {

namespace check = data::check;

struct Wanted {
  std::string training;  // digests of blobs
  std::string validation;
  check::CheckOptions options;
};

Result<Wanted> read_wanted(const Request& request) {
  LUTHIER_TRY(const Json body, json_body(request));
  Wanted wanted;
  check::CheckOptions& options = wanted.options;
  LUTHIER_TRY(wanted.training, required_text(body, "training"));
  LUTHIER_TRY(wanted.validation, optional_text(body, "validation"));
  LUTHIER_TRY(options.name, optional_text(body, "name"));
  LUTHIER_TRY(options.validation_name, optional_text(body, "validation_name"));
  LUTHIER_TRY(const std::string format, optional_text(body, "format"));
  LUTHIER_TRY(options.context, optional_integer(body, "context_tokens", 0, 0, 100'000'000));
  LUTHIER_TRY(const std::int64_t places, optional_integer(body, "places", 5, 1, 1'000));
  options.places_max = static_cast<std::size_t>(places);
  options.read.format = format.empty() ? data::read::file_format_of(options.name.empty() ? "data.jsonl" : options.name)
                                       : data::read::file_format_named(format);
  if (!options.read.format) {
    return Error{ErrorCode::kInvalidArgument,
                 format.empty() ? "'name' ('" + options.name + "') does not tell the format; give 'format'"
                                : "'format' is '" + format + "'; jsonl, json, csv, tsv, xlsx and txt are known"};
  }
  options.name = options.name.empty() ? "training" : options.name;
  options.validation_name = options.validation_name.empty() ? "validation" : options.validation_name;
  return wanted;
}

// The checker opens files by path; a blob's is the descriptor's, so that collection may delete its name meanwhile.
std::filesystem::path path_of(const UniqueFd& file) { return "/proc/self/fd/" + std::to_string(file.get()); }

Result<Response> run_check(Services& services, const Request& request) {
  LUTHIER_TRY(Wanted wanted, read_wanted(request));
  LUTHIER_TRY(const UniqueFd training, services.context.artifacts.open_blob(wanted.training));
  wanted.options.file = path_of(training);
  UniqueFd validation;
  if (!wanted.validation.empty()) {
    LUTHIER_TRY(validation, services.context.artifacts.open_blob(wanted.validation));
    wanted.options.validation = path_of(validation);
  }
  wanted.options.temporary_folder = services.context.data;
  wanted.options.threads = 1;  // time and memory are the scheduler's
  wanted.options.memory_bytes = 32U << 20;
  std::stop_source stop;
  wanted.options.stop = stop.get_token();
  request.cancellation->on_cancel([stop]() mutable { stop.request_stop(); });
  LUTHIER_TRY(const check::Report report, check::check_file(wanted.options));
  Response response;
  response.body = check::to_json(report).dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + "\n";
  return response;
}

}  // namespace

void add_data_check_routes(Router& router, Services& services) {
  // One at a time: a check of a large file takes a handler thread for a minute.
  const auto busy = std::make_shared<std::atomic_flag>();
  router.add({.method = "POST",
              .pattern = "/api/v1/data-checks",
              .scope = store::Scope::kDeveloper,
              .handle = at_once([&services, busy](const Request& request) -> Result<Response> {
                if (busy->test_and_set()) {
                  return Error{ErrorCode::kResourceExhausted,
                               "another file is being checked; try again in a moment, or run luthier data check"};
                }
                const std::unique_ptr<std::atomic_flag, void (*)(std::atomic_flag*)> release(
                    busy.get(), [](std::atomic_flag* flag) { flag->clear(); });
                return run_check(services, request);
              }),
              .slow = true,
              .changes = false});
}

}  // namespace luthier::http::api
