// Looking after what is kept: collection of artifacts, and reading the journal.
#include "base/digest/digest.h"
#include "controller/core/core.h"
#include "controller/http/api/api.h"

namespace luthier::http::api {
namespace {

using store::Scope;

constexpr std::int64_t kRecordsMax = 1'000;

Result<Response> collect(Services& services, std::set<std::string> live, bool dry_run) {
  const Context& context = services.context;
  const std::int64_t now_ms = context.clock.now().wall_ms;
  LUTHIER_TRY(const std::set<std::string> stored, context.store.live_digests(now_ms - context.history_keep.count()));
  live.insert(stored.begin(), stored.end());
  LUTHIER_TRY(const artifacts::ArtifactStore::Collected done,
              context.artifacts.collect(live, now_ms - context.upload_lease.count(), dry_run));
  context.log.info("artifacts_collected", {{"dry_run", dry_run ? "true" : "false"},
                                           {"artifacts", std::to_string(done.manifests)},
                                           {"blobs", std::to_string(done.blobs)},
                                           {"bytes", std::to_string(done.bytes)}});
  return json_response({{"dry_run", dry_run},
                        {"deleted", {{"artifacts", done.manifests}, {"blobs", done.blobs}, {"bytes", done.bytes}}},
                        {"kept",
                         {{"artifacts", done.kept_manifests},
                          {"blobs", done.kept_blobs},
                          {"bytes", done.kept_bytes},
                          {"by_lease_only", done.leased}}}});
}

// What the state names first, then what the tables name: a run that ends in between is in the tables.
void gc(Services& services, const Request& request, const Reply& reply) {
  const Result<Json> body = request.body.empty() ? Result<Json>(Json::object()) : json_body(request);
  if (!body) {
    return reply(error_response(body.error()));
  }
  if (body->contains("dry_run") && !(*body)["dry_run"].is_boolean()) {
    return reply(error_response(Error{ErrorCode::kInvalidArgument, "'dry_run' must be true or false"}));
  }
  const bool dry_run = body->value("dry_run", false);
  services.context.runtime.query([&services, dry_run, reply](const core::State& state, Now) {
    services.after(milliseconds(0), [&services, dry_run, reply, json = core::state_to_json(state)] {
      std::set<std::string> live;
      find_sha256_digests(json.dump(-1, ' ', false, Json::error_handler_t::replace), live);
      const Result<Response> answer = collect(services, std::move(live), dry_run);
      reply(answer ? *answer : error_response(answer.error()));
    });
  });
}

Json record_json(const store::JournalRecord& record) {
  return {{"index", record.index},
          {"epoch", record.epoch},
          {"at", format_utc(record.now.wall_ms)},
          {"event", core::event_name(record.event)},
          {"body", core::event_to_json(record.event)}};
}

Result<Response> journal(Services& services, const Request& request) {
  constexpr std::int64_t kIndexMax = std::int64_t{1} << 53;
  LUTHIER_TRY(const std::int64_t after, request.query_integer("after", 0, 0, kIndexMax));
  LUTHIER_TRY(const std::int64_t limit, request.query_integer("limit", 100, 1, kRecordsMax));
  Json records = Json::array();
  const Error enough{ErrorCode::kCancelled, "enough"};
  const Result<void> read = services.context.store.replay_after(
      static_cast<std::uint64_t>(after), [&](const store::JournalRecord& record) -> Result<void> {
        if (records.size() == static_cast<std::size_t>(limit)) {
          return enough;
        }
        records.push_back(record_json(record));
        return {};
      });
  if (!read && read.error() != enough) {
    return read.error();
  }
  const Json next = read ? Json() : records.back()["index"];
  return json_response({{"records", std::move(records)}, {"next", next}});
}

// The state as it was after record `index`: from a snapshot when one is old enough, else from the first record on.
Result<Response> state_at(Services& services, const Request& request) {
  LUTHIER_TRY(const std::int64_t index, request.query_integer("at", 0, 1, std::int64_t{1} << 53));
  const auto wanted = static_cast<std::uint64_t>(index);
  std::vector<std::string> broken;
  LUTHIER_TRY(const store::Snapshot snapshot, services.context.store.newest_snapshot(wanted, broken));
  core::State state;
  if (!snapshot.state.empty()) {
    LUTHIER_TRY(state, core::state_from_json(Json::parse(snapshot.state, nullptr, false)));
  }
  std::uint64_t last = snapshot.index;
  const Error enough{ErrorCode::kCancelled, "enough"};
  const Result<void> read =
      services.context.store.replay_after(snapshot.index, [&](const store::JournalRecord& record) -> Result<void> {
        if (record.index > wanted) {
          return enough;
        }
        core::apply(state, record.event, record.now);
        last = record.index;
        return {};
      });
  if (!read && read.error() != enough) {
    return read.error();
  }
  if (last != wanted) {
    return Error{ErrorCode::kNotFound, "the journal ends at record " + std::to_string(last)};
  }
  return json_response({{"index", last}, {"state", core::state_to_json(state)}});
}

}  // namespace

void add_upkeep_routes(Router& router, Services& services) {
  router.add({.method = "POST",
              .pattern = "/api/v1/gc",
              .scope = Scope::kAdmin,
              .handle = [&services](const Request& request, const Reply& reply) { gc(services, request, reply); }});
  router.add({.method = "GET",
              .pattern = "/api/v1/journal",
              .scope = Scope::kAdmin,
              .handle = at_once([&services](const Request& request) { return journal(services, request); })});
  router.add({.method = "GET",
              .pattern = "/api/v1/journal/state",
              .scope = Scope::kAdmin,
              .handle = at_once([&services](const Request& request) { return state_at(services, request); })});
}

}  // namespace luthier::http::api
