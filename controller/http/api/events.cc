// Server-Sent Events. The outbox is read from the store, so nothing is lost between reconnects; published() only wakes.
#include <algorithm>
#include <charconv>
#include <limits>
#include <memory>

#include "base/clock.h"
#include "controller/http/api/api.h"

namespace luthier::http::api {
namespace {

constexpr int kEventsAtOnce = 200;

std::string event_lines(const store::OutboxRow& row) {
  const Json data = {{"id", "evt_" + std::to_string(row.sequence)},
                     {"event", row.name},
                     {"created_at", format_utc(row.wall_ms)},
                     {"created_ms", row.wall_ms},
                     {"data", row.payload}};
  return "id: " + std::to_string(row.sequence) + "\nevent: " + row.name +
         "\ndata: " + data.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n\n";
}

bool ends_run(const store::OutboxRow& row, const std::string& run) {
  const bool about_run = row.payload.is_object() && row.payload.value("run", Json()) == Json(run);
  return about_run && (row.name == "run.succeeded" || row.name == "run.failed" || row.name == "run.cancelled");
}

class EventSource final : public BodySource {
 public:
  EventSource(Services& services, std::string run, std::uint64_t after, bool follow)
      : services_(services), run_(std::move(run)), after_(after), follow_(follow) {}

  void start(std::function<void()> wake) override { subscription_ = services_.events.subscribe(run_, std::move(wake)); }

  Piece pull() override {
    // The run's state is read before its events: when it was over then, all its events are there to be read.
    const bool over = !run_.empty() && follow_ && !seen_open_ && run_is_over();
    const std::uint64_t behind = subscription_ ? subscription_->behind() : 0;  // all of them are in the store
    const auto rows = services_.context.store.events_after(after_, kEventsAtOnce, run_);
    Piece piece;
    if (!rows) {
      piece.broken = true;
      return piece;
    }
    for (const store::OutboxRow& row : *rows) {
      piece.bytes += event_lines(row);
      after_ = row.sequence;
      piece.end = piece.end || ends_run(row, run_);
    }
    if (subscription_) {
      subscription_->caught_up(rows->size() < static_cast<std::size_t>(kEventsAtOnce) ? behind : rows->size());
    }
    if (rows->empty()) {
      seen_open_ = !over;
      piece.end = over || !follow_;
    }
    return piece;
  }

  std::string keep_alive() const override { return ": still here\n\n"; }

 private:
  [[nodiscard]] bool run_is_over() {
    const auto run = services_.context.store.get_run(run_);
    return run && run->value("status", "") != "running";
  }

  Services& services_;
  const std::string run_;  // empty: of everything
  std::uint64_t after_;
  const bool follow_;
  bool seen_open_ = false;  // once open, the event of its end is still to come
  std::unique_ptr<EventHub::Subscription> subscription_;
};

// Last-Event-ID, which a browser sends when it reconnects, goes before the query.
Result<std::uint64_t> position(const Request& request) {
  const std::string last = request.header("last-event-id");
  if (last.empty()) {
    LUTHIER_TRY(const std::int64_t after,
                request.query_integer("after", 0, 0, std::numeric_limits<std::int64_t>::max()));
    return static_cast<std::uint64_t>(after);
  }
  std::uint64_t sequence = 0;
  const auto [end, failure] = std::from_chars(last.data(), last.data() + last.size(), sequence);
  if (failure != std::errc() || end != last.data() + last.size()) {
    return Error{ErrorCode::kInvalidArgument, "Last-Event-ID must be the number of an event"};
  }
  return sequence;
}

Result<Response> stream(Services& services, const Request& request, const std::string& run) {
  LUTHIER_TRY(const std::uint64_t after, position(request));
  LUTHIER_TRY(const bool follow, request.query_flag("follow", true));
  if (!run.empty()) {
    LUTHIER_TRY(const Json known, services.context.store.get_run(run));
    static_cast<void>(known);
  }
  Response response;
  response.content_type = "text/event-stream";
  response.stream = std::make_shared<EventSource>(services, run, after, follow);
  return response;
}

}  // namespace

void add_event_routes(Router& router, Services& services) {
  router.add({.method = "GET",
              .pattern = "/api/v1/events",
              .scope = store::Scope::kViewer,
              .handle = at_once([&services](const Request& request) { return stream(services, request, ""); })});
  router.add({.method = "GET",
              .pattern = "/api/v1/runs/{run}/events",
              .scope = store::Scope::kViewer,
              .handle = at_once([&services](const Request& request) {
                return stream(services, request, request.parameter("run"));
              })});
}

}  // namespace luthier::http::api
