// GET /metrics, in Prometheus' text format. Labels take few values: statuses, routes, names of events.
#include <sys/statvfs.h>

#include <filesystem>
#include <mutex>

#include "base/version.h"
#include "controller/core/core.h"
#include "controller/http/api/api.h"
#include "controller/http/exposition.h"

namespace luthier::http::api {
namespace {

constexpr std::int64_t kArtifactsFreshMs = 60'000;

// Walking the artifacts takes a while where there are many, so their size is remembered for a minute.
class ArtifactBytes {
 public:
  double measure(const std::filesystem::path& folder, std::int64_t now_ms) {
    const std::lock_guard lock(mutex_);
    if (measured_ms_ == 0 || now_ms - measured_ms_ > kArtifactsFreshMs) {
      measured_ms_ = now_ms;
      bytes_ = 0;
      std::error_code failure;
      for (std::filesystem::recursive_directory_iterator entries(folder, failure), end; !failure && entries != end;
           entries.increment(failure)) {
        std::error_code vanished;
        const auto size = entries->is_regular_file(vanished) ? entries->file_size(vanished) : 0;
        bytes_ += vanished ? 0.0 : static_cast<double>(size);
      }
    }
    return bytes_;
  }

 private:
  std::mutex mutex_;
  std::int64_t measured_ms_ = 0;
  double bytes_ = 0;
};

void write_disk(Exposition& out, const Context& context) {
  struct statvfs disk {};
  if (::statvfs(context.data.c_str(), &disk) == 0) {
    out.family("luthier_data_disk_free_bytes", "gauge",
               "Bytes that luthierd may still write on the data folder's disk.");
    out.sample(static_cast<double>(disk.f_bavail) * static_cast<double>(disk.f_frsize));
    out.family("luthier_data_disk_size_bytes", "gauge", "Size of the data folder's disk.");
    out.sample(static_cast<double>(disk.f_blocks) * static_cast<double>(disk.f_frsize));
  }
}

void write_counts(Exposition& out, const controller::Metrics& metrics) {
  out.family("luthier_commit_seconds", "histogram", "How long commits of the journal took.");
  out.histogram(metrics.commit_seconds.counts());
  out.family("luthier_commit_records", "histogram", "Journal records that shared a commit.");
  out.histogram(metrics.commit_records.counts());
  out.family("luthier_events_total", "counter", "Events published since the start, by name.");
  for (const auto& [name, count] : metrics.events.counts()) {
    out.sample(static_cast<double>(count), {{"event", name}});
  }
  out.family("luthier_http_requests_total", "counter", "Requests answered since the start.");
  for (const auto& [labels, count] : metrics.requests.counts()) {
    out.sample(static_cast<double>(count),
               {{"method", labels.method}, {"route", labels.route}, {"code", std::to_string(labels.code)}});
  }
  out.family("luthier_http_request_seconds", "histogram", "From a request's header until its answer began.");
  out.histogram(metrics.request_seconds.counts());
}

const char* status_name(core::AgentStatus status) {
  switch (status) {
    case core::AgentStatus::kConnected: return "connected";
    case core::AgentStatus::kUnconfirmed: return "unconfirmed";
    case core::AgentStatus::kLost: return "lost";
  }
  return "lost";
}

void write_state(Exposition& out, const core::State& state) {
  std::map<std::string, int> agents{{"connected", 0}, {"unconfirmed", 0}, {"lost", 0}};
  for (const auto& [id, agent] : state.agents) {
    ++agents[status_name(agent.status)];
  }
  std::map<std::string, int> steps;
  for (const auto status : {core::StepStatus::kWaiting, core::StepStatus::kReady, core::StepStatus::kAssigned,
                            core::StepStatus::kRunning}) {
    steps[core::to_string(status)] = 0;
  }
  for (const auto& [id, run] : state.runs) {
    for (const auto& [name, step] : run.steps) {
      ++steps[core::to_string(step.status)];
    }
  }
  out.family("luthier_agents", "gauge", "Agents by status.");
  for (const auto& [status, count] : agents) {
    out.sample(count, {{"status", status}});
  }
  out.family("luthier_live_steps", "gauge", "Steps of runs that have not ended, by status.");
  for (const auto& [status, count] : steps) {
    out.sample(count, {{"status", status}});
  }
  out.family("luthier_allocations", "gauge", "Attempts whose resources are not free again.");
  out.sample(static_cast<double>(state.allocations.size()));
  out.family("luthier_deployments", "gauge", "Models kept ready to answer.");
  out.sample(static_cast<double>(state.deployments.size()));
}

void reply_with_metrics(Services& services, ArtifactBytes& artifact_bytes, const Reply& reply) {
  const Context& context = services.context;
  const Result<std::map<std::string, std::int64_t>> runs = context.administration.count_runs();
  if (!runs) {
    return reply(error_response(runs.error()));
  }
  auto out = std::make_shared<Exposition>();
  out->family("luthier_build_info", "gauge", "1; the release is in the label.");
  out->sample(1, {{"version", kVersion}});
  out->family("luthier_runs", "gauge", "Runs by status, finished ones included.");
  for (const char* status : {"running", "succeeded", "failed", "cancelled"}) {
    const auto found = runs->find(status);
    out->sample(found == runs->end() ? 0.0 : static_cast<double>(found->second), {{"status", status}});
  }
  out->family("luthier_artifact_bytes", "gauge", "Bytes of the artifacts folder, up to a minute old.");
  out->sample(artifact_bytes.measure(context.data / "artifacts", context.clock.now().monotonic_ms));
  write_disk(*out, context);
  out->family("luthier_queue_length", "gauge", "Inputs that wait for the state thread.");
  out->sample(static_cast<double>(context.runtime.queue_length()));
  const EventHub::Lag lag = services.events.lag();
  out->family("luthier_event_readers", "gauge", "Event streams that are followed now.");
  out->sample(static_cast<double>(lag.readers));
  out->family("luthier_event_lag", "gauge", "Published events that the slowest of them has not been sent yet.");
  out->sample(static_cast<double>(lag.events_max));
  write_counts(*out, context.metrics);
  context.runtime.query([out, reply](const core::State& state, Now) {
    write_state(*out, state);
    Response response = text_response(out->text());
    response.content_type = "text/plain; version=0.0.4; charset=utf-8";
    reply(std::move(response));
  });
}

}  // namespace

void add_metrics_routes(Router& router, Services& services) {
  auto artifact_bytes = std::make_shared<ArtifactBytes>();
  Route route{.method = "GET",
              .pattern = "/metrics",
              .handle = [&services, artifact_bytes](const Request&, const Reply& reply) {
                reply_with_metrics(services, *artifact_bytes, reply);
              }};
  if (!services.options.metrics_open) {
    route.scope = store::Scope::kViewer;
  }
  router.add(std::move(route));
}

}  // namespace luthier::http::api
