// Read models as JSON, in the shapes of docs/http-api.md. Each call reads through one lease, so what it returns is of
// one moment.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "controller/store/sqlite.h"
#include "controller/store/store.h"

namespace luthier::store {

// The SQL of list_runs() with this filter, for the test that it walks an index. Values: status, pipeline, the sequence
// before which the page starts, the limit.
[[nodiscard]] std::string_view list_runs_sql(const RunsFilter& filter);

[[nodiscard]] Result<Json> read_runs(Database& database, int limit, const std::string& before_run,
                                     const RunsFilter& filter);
[[nodiscard]] Result<Json> read_run(Database& database, const std::string& run);
[[nodiscard]] Result<core::RunSubmitted> read_submission(Database& database, const std::filesystem::path& archive,
                                                         const std::string& run);
// When a run ended or a deployment was stopped: nothing while it goes on; 0 when there is no such run.
[[nodiscard]] Result<std::optional<std::int64_t>> read_end_of_run(Database& database, const std::string& run);
[[nodiscard]] Result<Json> read_deployments(Database& database, int limit);
[[nodiscard]] Result<Json> read_deployment(Database& database, const std::string& deployment);
[[nodiscard]] Result<Json> read_agents(Database& database);
[[nodiscard]] Result<Json> read_models(Database& database);
[[nodiscard]] Result<Json> read_model(Database& database, const std::string& model);
[[nodiscard]] Result<std::vector<OutboxRow>> read_events(Database& database, std::uint64_t sequence, int limit,
                                                         const std::string& run);

}  // namespace luthier::store
