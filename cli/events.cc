#include <charconv>
#include <chrono>
#include <cstdio>
#include <thread>

#include "cli/api_client.h"
#include "cli/format.h"
#include "cli/operations.h"
#include "integrations/sse.h"

namespace luthier::cli {
namespace {

constexpr int kReconnectsMax = 60;  // in a row, without an event between them
constexpr std::chrono::seconds kReconnectPause{1};

std::string line_of(const integrations::SseEvent& event, const Json& data) {
  const Json payload = data.value("data", Json::object());
  std::string line = event.id + "  " + text_of(data, "created_at") + "  " + text_of(data, "event");
  for (const auto& [name, value] : payload.items()) {
    if (!value.is_null() && !(value.is_string() && value.get_ref<const std::string&>().empty())) {
      line += "  " + printable(name) + "=" + cut(text_of(payload, name), 100);
    }
  }
  return line;
}

class EventPrinter {
 public:
  EventPrinter(bool json, std::int64_t after) : json_(json), after_(after) {}

  bool take(std::string_view bytes) {
    connected_ = true;
    return parser_.feed(bytes, [this](const integrations::SseEvent& event) { print(event); }) &&
           std::ferror(stdout) == 0;
  }
  // A new connection starts at the beginning of an event.
  void begin() { parser_ = integrations::SseParser(); }

  [[nodiscard]] std::int64_t after() const { return after_; }
  [[nodiscard]] bool connected() const { return connected_; }  // ever

 private:
  void print(const integrations::SseEvent& event) {
    std::from_chars(event.id.data(), event.id.data() + event.id.size(), after_);
    const Json data = Json::parse(event.data, nullptr, false);
    if (json_ || !data.is_object()) {
      std::printf("%s\n", event.data.c_str());
    } else {
      std::printf("%s\n", line_of(event, data).c_str());
    }
    std::fflush(stdout);
  }

  const bool json_;
  std::int64_t after_;
  bool connected_ = false;
  integrations::SseParser parser_;
};

std::string path_of(const EventsOptions& events, std::int64_t after) {
  const std::string what = events.run.empty() ? "/api/v1/events" : "/api/v1/runs/" + segment(events.run) + "/events";
  return what + "?after=" + std::to_string(after) + "&follow=" + (events.follow ? "1" : "0");
}

}  // namespace

int events_command(const GlobalOptions& options, const EventsOptions& events) {
  Result<ApiClient> api = connect(options);
  if (!api) {
    return report(api.error());
  }
  EventPrinter printer(options.json, events.after);
  int failures = 0;
  while (true) {
    const std::int64_t before = printer.after();
    printer.begin();
    const Result<void> ended = api->stream("GET", path_of(events, printer.after()), Json(),
                                           [&printer](std::string_view bytes) { return printer.take(bytes); });
    if (ended && (!events.follow || !events.run.empty())) {
      return kExitSuccess;
    }
    if (!ended && ended.error().code == ErrorCode::kCancelled) {  // nobody reads our output any more
      return kExitSuccess;
    }
    const bool broken = ended.has_value() || ended.error().code == ErrorCode::kUnavailable;
    failures = printer.after() > before ? 0 : failures + 1;
    if (!events.follow || !broken || !printer.connected() || failures > kReconnectsMax) {
      return ended ? kExitSuccess : report(ended.error());
    }
    std::this_thread::sleep_for(kReconnectPause);
  }
}

}  // namespace luthier::cli
