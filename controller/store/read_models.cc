// Agents, models and published events.
#include "controller/store/read_models.h"

#include <algorithm>
#include <limits>

#include "base/clock.h"

namespace luthier::store {
namespace {

constexpr int kEventsLimitMax = 10'000;

// Columns: version, base, adapter, lineage, metrics, description, created_ms.
Json version_json(const Row& row) {
  return {{"version", row.integer(0)},
          {"base", row.text(1)},
          {"adapter", row.view(2).empty() ? Json() : Json(row.text(2))},
          {"lineage", row.json(3)},
          {"metrics", row.json(4)},
          {"description", row.text(5)},
          {"created_at", format_utc(row.integer(6))}};
}

Result<Json> read_history(Database& database, const std::string& model) {
  Json history = Json::array();
  LUTHIER_TRY_VOID(database.query(
      "SELECT alias, from_version, to_version, moved_by, reason, moved_ms FROM alias_history WHERE model = ? "
      "ORDER BY sequence",
      [&history](const Row& row) {
        history.push_back({{"alias", row.text(0)},
                           {"from_version", row.integer(1)},
                           {"to_version", row.integer(2)},
                           {"by", row.text(3)},
                           {"reason", row.text(4)},
                           {"at", format_utc(row.integer(5))}});
      },
      model));
  return history;
}

// Of all models, or of the one that is named.
Result<Json> read_versions_and_aliases(Database& database, const std::string& model) {
  Json models = Json::object();
  LUTHIER_TRY_VOID(database.query(
      "SELECT version, base, adapter, lineage, metrics, description, created_ms, model FROM model_versions "
      "WHERE ?1 = '' OR model = ?1 ORDER BY model, version",
      [&models](const Row& row) {
        Json& found = models[row.text(7)];
        if (found.is_null()) {
          found = {{"name", row.text(7)}, {"aliases", Json::object()}, {"versions", Json::array()}};
        }
        found["versions"].push_back(version_json(row));
      },
      model));
  LUTHIER_TRY_VOID(database.query(
      "SELECT model, alias, version FROM aliases WHERE ?1 = '' OR model = ?1",
      [&models](const Row& row) { models[row.text(0)]["aliases"][row.text(1)] = row.integer(2); }, model));
  return models;
}

}  // namespace

Result<Json> read_agents(Database& database) {
  Json agents = Json::array();
  LUTHIER_TRY_VOID(database.query(
      "SELECT agent, name, status, boot_id, resources, last_change_ms, "
      "(SELECT json_group_array(id) FROM (SELECT run || '/' || step || '/' || number AS id FROM attempts "
      " WHERE attempts.agent = agents.agent AND released_ms IS NULL UNION ALL "
      " SELECT run || '/' || step || '/' || number || '#' || rank FROM attempt_ranks "
      " WHERE attempt_ranks.agent = agents.agent AND released_ms IS NULL)), labels, version, cordoned, drain, "
      "drain_deadline_ms FROM agents ORDER BY sequence",
      [&agents](const Row& row) {
        agents.push_back({{"id", row.text(0)},
                          {"name", row.text(1)},
                          {"status", row.text(2)},
                          {"boot_id", row.text(3)},
                          {"resources", row.json(4)},
                          {"attempts", row.json(6)},
                          {"labels", row.json(7)},
                          {"version", row.text(8)},
                          {"cordoned", row.integer(9) != 0},
                          {"drain", row.text(10)},
                          {"drain_deadline_at", row.is_null(11) ? Json() : Json(format_utc(row.integer(11)))},
                          {"last_change_at", format_utc(row.integer(5))}});
      }));
  return Json{{"agents", std::move(agents)}};
}

Result<Json> read_models(Database& database) {
  LUTHIER_TRY(Json by_name, read_versions_and_aliases(database, ""));
  Json models = Json::array();
  for (Json& model : by_name) {
    models.push_back(std::move(model));
  }
  return Json{{"models", std::move(models)}};
}

Result<Json> read_model(Database& database, const std::string& model) {
  LUTHIER_TRY(Json by_name, read_versions_and_aliases(database, model));
  if (model.empty() || !by_name.contains(model)) {
    return Error{ErrorCode::kNotFound, "there is no model '" + model + "'; `luthier models` lists them"};
  }
  Json found = std::move(by_name[model]);
  LUTHIER_TRY(found["alias_history"], read_history(database, model));
  return found;
}

Result<std::vector<OutboxRow>> read_events(Database& database, std::uint64_t sequence, int limit,
                                           const std::string& run) {
  constexpr std::uint64_t kSequenceMax = std::numeric_limits<std::int64_t>::max();
  std::vector<OutboxRow> events;
  const auto append = [&events](const Row& row) {
    events.push_back({row.unsigned_integer(0), row.text(1), row.integer(2), row.json(3)});
  };
  const std::uint64_t after = std::min(sequence, kSequenceMax);
  const int limit_used = std::clamp(limit, 1, kEventsLimitMax);
  LUTHIER_TRY_VOID(
      run.empty() ? database.query("SELECT sequence, name, wall_ms, payload FROM outbox WHERE sequence > ? "
                                   "ORDER BY sequence LIMIT ?",
                                   append, after, limit_used)
                  : database.query("SELECT sequence, name, wall_ms, payload FROM outbox WHERE run = ? AND sequence > ? "
                                   "ORDER BY sequence LIMIT ?",
                                   append, run, after, limit_used));
  return events;
}

}  // namespace luthier::store
