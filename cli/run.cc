#include "cli/run.h"

#include <unistd.h>

#include <cstdio>
#include <map>

#include "base/clock.h"
#include "cli/api_client.h"
#include "cli/format.h"
#include "cli/progress.h"
#include "cli/repository.h"
#include "cli/sources.h"
#include "cli/terminal.h"

namespace luthier::cli {
namespace {

constexpr int kPollMs = 400;
constexpr std::int64_t kLookMsMax = 1'000;  // counted when the pause between looks is chosen
// How long a controller may be away (a restart, say) before watching ends.
constexpr std::int64_t kAwayMaxMs = 300'000;

void say(const GlobalOptions& options, const std::string& line) {
  if (!options.json) {
    std::printf("%s\n", line.c_str());
    std::fflush(stdout);
  }
}

Error diagnostics_error(const std::vector<spec::Diagnostic>& errors, const PipelineFile& file) {
  return {ErrorCode::kInvalidArgument, "the pipeline has errors\n" + render_all(errors, file.yaml)};
}

struct Sources {
  Json digests = Json::object();  // by the text of each path
  std::string commit;             // of the repository that the file lies in; empty: it lies in none
};

// Files of the repository go as they were committed; that others exist is said, not hidden.
Result<std::string> upload_committed(ApiClient& api, const Repository& repository,
                                     const std::vector<std::string>& patterns, const OnUpload& on_upload) {
  LUTHIER_TRY(const CommittedFiles taken, CommittedFiles::take(repository, patterns));
  LUTHIER_TRY(const std::vector<std::string> changed, changed_files(repository, patterns));
  const auto note = [](const char* what, const std::vector<std::string>& paths, const std::string& more) {
    const std::string others = paths.size() == 1 ? "" : " and " + std::to_string(paths.size() - 1) + " more";
    std::fprintf(stderr, "note: %s: %s%s%s\n", what, printable(paths.front()).c_str(), others.c_str(), more.c_str());
  };
  if (!changed.empty()) {
    note("uncommitted changes are not part of the run", changed,
         "; it takes commit " + repository.commit.substr(0, 12));
  }
  if (!taken.left_out().empty()) {
    note("symbolic links and submodules are left out", taken.left_out(), "");
  }
  return upload_artifact(api, "source", taken.files(), on_upload);
}

// Uploads what one path of the pipeline means; its artifact.
Result<std::string> upload_source(ApiClient& api, const std::filesystem::path& folder,
                                  const Result<Repository>& repository, const plan::LocalPath& path,
                                  const OnUpload& on_upload) {
  if (path.patterns.empty()) {
    LUTHIER_TRY(const std::vector<LocalFile> files, find_files(folder, path.path));
    return upload_artifact(api, "source", files, on_upload);
  }
  if (!repository) {
    return Error{ErrorCode::kInvalidArgument, "`files` are those of a git repository: " + repository.error().message};
  }
  return upload_committed(api, *repository, path.patterns, on_upload);
}

Result<Sources> upload_sources(const GlobalOptions& options, ApiClient& api, const PipelineFile& file) {
  const plan::LocalPaths paths = plan::local_paths(*file.parsed.spec, file.params);
  if (!paths.errors.empty()) {
    return diagnostics_error(paths.errors, file);
  }
  std::filesystem::path folder = file.path.parent_path();
  if (folder.empty()) {
    folder = ".";
  }
  const Result<Repository> repository = find_repository(folder);
  const OnUpload tell = [&](const LocalFile& sent, std::uint64_t bytes) {
    say(options, "uploading " + printable(sent.path) + " (" + format_bytes(bytes) + ")");
  };
  Sources sources;
  sources.commit = repository ? repository->commit : "";
  for (const plan::LocalPath& path : paths.paths) {
    if (sources.digests.contains(path.path)) {
      continue;
    }
    Result<std::string> digest = upload_source(api, folder, repository, path, tell);
    if (!digest && digest.error().code == ErrorCode::kInvalidArgument) {  // about what the file names
      return diagnostics_error({{file.path.string(), path.at, digest.error().message}}, file);
    }
    LUTHIER_TRY(sources.digests[path.path], std::move(digest));
  }
  return sources;
}

Result<Json> submit(const GlobalOptions& options, ApiClient& api, const FileOptions& given) {
  LUTHIER_TRY(const PipelineFile file, read_pipeline(given.file, given.params));
  if (!file.parsed.spec) {
    return diagnostics_error(file.parsed.errors, file);
  }
  LUTHIER_TRY(Sources sources, upload_sources(options, api, file));
  Json params = Json::object();
  for (const auto& [name, value] : file.params) {
    params[name] = value;
  }
  return api.post("/api/v1/runs", {{"yaml", file.yaml},
                                   {"file", file.path.string()},
                                   {"params", std::move(params)},
                                   {"cache", given.cache},
                                   {"commit", sources.commit},
                                   {"sources", std::move(sources.digests)}});
}

void say_how_to_come_back(const Json& run) {
  const std::string id = text_of(run, "id");
  std::string step;
  for (const Json& candidate : run.value("steps", Json::array())) {
    if (step.empty() && (text_of(candidate, "status") == "running" || text_of(candidate, "status") == "assigned")) {
      step = " " + text_of(candidate, "id");
    }
  }
  std::printf(
      "detached; run %s goes on. To come back: luthier status %s, luthier logs -f %s%s. To end it: luthier "
      "cancel %s\n",
      id.c_str(), id.c_str(), id.c_str(), step.c_str(), id.c_str());
}

// When every step that takes a process was given its outputs.
void say_if_nothing_was_done(const Json& run) {
  int reused = 0;
  for (const Json& step : run.value("steps", Json::array())) {
    const Json cache = step.value("cache", Json());
    if (!cache.is_object() || cache.contains("taken_from")) {
      continue;
    }
    if (text_of(step, "cached_from").empty()) {
      return;
    }
    ++reused;
  }
  if (reused > 0) {
    std::printf("nothing to do: %s\n", reused == 1 ? "its one step's outputs were there already"
                                                   : ("the outputs of all " + std::to_string(reused) +
                                                      " steps that take a process were there already")
                                                         .c_str());
  }
}

void say_how_it_ended(const Json& run, std::int64_t now_ms) {
  const std::string id = text_of(run, "id");
  const auto created = parse_utc(text_of(run, "created_at"));
  const std::int64_t finished = parse_utc(text_of(run, "finished_at")).value_or(now_ms);
  std::printf("run %s %s in %s\n", id.c_str(), text_of(run, "status").c_str(),
              format_duration(created ? finished - *created : 0).c_str());
  say_if_nothing_was_done(run);
  for (const Json& step : run.value("steps", Json::array())) {
    if (text_of(step, "status") == "failed") {
      const bool ran = !step.value("attempts", Json::array()).empty();  // without an attempt there is no log
      std::printf("why: luthier %s %s %s\n", ran ? "logs" : "explain", id.c_str(), text_of(step, "id").c_str());
    }
  }
  if (text_of(run, "status") == "failed") {
    std::printf("to go on from there: luthier rerun %s\n", id.c_str());
  }
}

// Follows a run until it ends, Ctrl-C, or the controller stays away; shows it on the way unless told to be quiet.
class Watch {
 public:
  Watch(ApiClient& api, Json run, bool quiet)
      : api_(api),
        run_(std::move(run)),
        quiet_(quiet),
        progress_({.terminal = is_terminal(STDOUT_FILENO), .width = terminal_width()}) {}

  // The exit status.
  int to_the_end() {
    const InterruptFlag interrupt;
    while (true) {
      show_news();
      if (text_of(run_, "status") != "running") {
        return text_of(run_, "status") == "succeeded" ? kExitSuccess : kExitFailure;
      }
      InterruptFlag::sleep(pause_ms());
      if (InterruptFlag::is_set()) {
        say({});
        return kExitDetached;
      }
      if (const Result<void> looked = look_again(); !looked) {
        say({});
        return report(looked.error());
      }
    }
  }
  [[nodiscard]] const Json& run() const { return run_; }

 private:
  void show_news() {
    if (!quiet_) {
      const std::int64_t now_ms = clock_.now().wall_ms;
      area_.show(progress_.news(run_, now_ms), progress_.live(run_, now_ms));
    }
  }

  // Prints a line in place of the live area.
  void say(const std::vector<std::string>& lines) {
    if (!quiet_) {
      area_.show(lines, {});
    }
  }

  // A run of thousands of steps takes a while to be read: most of the time stays with what it is about.
  [[nodiscard]] int pause_ms() const { return std::max(kPollMs, static_cast<int>(4 * look_ms_)); }

  Result<void> look_again() {
    const std::int64_t begin_ms = clock_.now().monotonic_ms;
    Result<Json> found = api_.get("/api/v1/runs/" + segment(text_of(run_, "id")));
    look_ms_ = std::min<std::int64_t>(clock_.now().monotonic_ms - begin_ms, kLookMsMax);
    if (found) {
      if (away_since_ms_ != 0) {
        say({"the controller is back"});
      }
      away_since_ms_ = 0;
      run_ = std::move(*found);
      return {};
    }
    const bool away = found.error().code == ErrorCode::kUnavailable || found.error().code == ErrorCode::kInternal ||
                      found.error().code == ErrorCode::kDeadlineExceeded;
    const std::int64_t now_ms = clock_.now().monotonic_ms;
    if (!away || (away_since_ms_ != 0 && now_ms - away_since_ms_ > kAwayMaxMs)) {
      return found.error();
    }
    if (away_since_ms_ == 0) {
      away_since_ms_ = now_ms;
      say({"the controller does not answer; running steps go on, asking again"});
    }
    return {};
  }

  ApiClient& api_;
  Json run_;
  const bool quiet_;
  const SystemClock clock_;
  RunProgress progress_;
  LiveArea area_;
  std::int64_t away_since_ms_ = 0;
  std::int64_t look_ms_ = 0;  // that the last look took
};

}  // namespace

namespace {

int watch_run(const GlobalOptions& options, ApiClient& api, Json run, bool detach) {
  Watch watch(api, std::move(run), options.json);
  const int status = detach ? kExitSuccess : watch.to_the_end();
  if (options.json) {
    std::printf("%s\n", watch.run().dump(2, ' ', false, Json::error_handler_t::replace).c_str());
  } else if (text_of(watch.run(), "status") == "running") {
    say_how_to_come_back(watch.run());
  } else {
    say_how_it_ended(watch.run(), SystemClock().now().wall_ms);
  }
  return status;
}

// Trainings that begin at a checkpoint which the run before had committed.
void say_what_resumes(const GlobalOptions& options, const Json& run) {
  for (const Json& step : run.value("steps", Json::array())) {
    const Json checkpoints = step.value("checkpoints", Json::array());
    if (!checkpoints.empty() && checkpoints.back().value("attempt", -1) == 0) {
      say(options, printable(text_of(step, "id")) + " goes on from its checkpoint at step " +
                       text_of(checkpoints.back(), "step") + "; to start it over: luthier rerun " +
                       text_of(run, "rerun_of") + " --fresh");
    }
  }
}

}  // namespace

int run_command(const GlobalOptions& options, const RunOptions& given) {
  Result<ApiClient> api = connect(options);
  if (!api) {
    return report(api.error());
  }
  Result<Json> submitted = submit(options, *api, given.file);
  if (!submitted) {
    return report(submitted.error());
  }
  say(options, "run " + text_of(*submitted, "id") + ": " + text_of(*submitted, "pipeline"));
  return watch_run(options, *api, std::move(*submitted), given.detach);
}

int rerun_command(const GlobalOptions& options, const RerunOptions& given) {
  Result<ApiClient> api = connect(options);
  if (!api) {
    return report(api.error());
  }
  Json body{{"fresh", given.fresh}};
  if (!given.from.empty()) {
    body["from"] = given.from;
  }
  Result<Json> submitted = api->post("/api/v1/runs/" + segment(given.run) + "/rerun", body);
  if (!submitted) {
    return report(submitted.error());
  }
  say(options, "run " + text_of(*submitted, "id") + ": " + text_of(*submitted, "pipeline") + ", going on from run " +
                   text_of(*submitted, "rerun_of"));
  say_what_resumes(options, *submitted);
  return watch_run(options, *api, std::move(*submitted), given.detach);
}

}  // namespace luthier::cli
