// The chain of a model version, from the store's records.
#include <algorithm>
#include <set>

#include "controller/http/api/verify.h"

namespace luthier::http::api {
namespace {

constexpr int kVersionsDeepMax = 16;  // bases of bases
constexpr int kValueDepthMax = 32;

// What is worth keeping of a run: not checkpoints, which are collected.
bool is_lasting(const std::string& kind) {
  return kind == "source" || kind == "dataset" || kind == "tokenizer" || kind == "model" || kind == "adapter" ||
         kind == "report";
}

std::string text(const Json& object, const char* name) {
  const Json value = object.is_object() ? object.value(name, Json()) : Json();
  return value.is_string() ? value.get<std::string>() : "";
}

std::string digest_in(const Json& value) { return text(value, "$artifact"); }

class Chain {
 public:
  explicit Chain(store::Store& store) : store_(store) {}

  Result<void> add_version(const std::string& model, const Json& version, int depth) {
    const std::string name = model + "@" + std::to_string(version.at("version").get<int>());
    const std::string base = text(version, "base");
    const std::string adapter = text(version, "adapter");
    add_artifact(name + " base", base, "model");
    if (!adapter.empty()) {
      add_artifact(name + " adapter", adapter, "adapter");
    }
    LUTHIER_TRY_VOID(add_origin(name, version.at("lineage"), base, adapter));
    return add_base(name, model, version, base, depth);
  }

  // Every alias that leads here, held against the record of its moves.
  void add_aliases(const Json& model, const Json& version) {
    const Json history = model.value("alias_history", Json::array());
    const Json aliases = model.value("aliases", Json::object());
    for (const auto& [alias, target] : aliases.items()) {
      if (target != version.at("version")) {
        continue;
      }
      Json newest;
      for (const Json& move : history) {
        newest = text(move, "alias") == alias ? move : newest;
      }
      const bool same = newest.is_object() && newest.value("to_version", Json()) == target;
      add_record(text(model, "name") + "@" + alias + " alias",
                 same ? "moved by " + text(newest, "by") + ", " + text(newest, "reason") : "",
                 same ? "" : "no recorded move of the alias leads to version " + target.dump());
    }
  }

  std::vector<Link> links;

 private:
  void add_artifact(const std::string& name, const std::string& digest, const std::string& kind) {
    if (seen_.insert(digest).second) {
      links.push_back({.name = name, .digest = digest, .kind = kind});
    }
  }
  void add_record(const std::string& name, const std::string& detail, const std::string& problem = "") {
    links.push_back({.name = name, .digest = {}, .kind = {}, .detail = detail, .problem = problem});
  }

  Result<void> add_origin(const std::string& name, const Json& lineage, const std::string& base,
                          const std::string& adapter) {
    const std::string run = text(lineage, "run");
    if (run.empty()) {
      const std::string from = text(lineage, "imported_from");
      add_record(name + " origin", "imported" + (from.empty() ? "" : " from " + from) + " by " + text(lineage, "by"),
                 lineage.contains("imported_from") ? "" : "nothing says where this version comes from");
      return {};
    }
    const Result<Json> found = store_.get_run(run);
    if (!found && found.error().code != ErrorCode::kNotFound) {
      return found.error();
    }
    if (!found) {
      add_record(name + " run " + run, "", found.error().message);
      return {};
    }
    add_record(name + " run " + run, text(*found, "pipeline") + ", submitted by " + text(*found, "submitted_by"));
    add_step(name, *found, text(lineage, "step"), base, adapter);
    return {};
  }

  void add_step(const std::string& name, const Json& run, const std::string& id, const std::string& base,
                const std::string& adapter) {
    const Json* step = find(run, id);
    const std::string label = name + " step " + id;
    if (step == nullptr) {
      return add_record(label, "", "the run has no such step");
    }
    const Json model = step->at("outputs").value("model", Json());
    const bool same = model.is_object() && digest_in(model.value("base", Json())) == base &&
                      digest_in(model.value("adapter", Json())) == adapter;
    add_record(label, text(*step, "uses"), same ? "" : "the step's output is another model than this version");
    std::set<std::string> visited;
    add_inputs(name, run, *step, base, adapter, visited);
  }

  // What the steps before this one took in.
  void add_inputs(const std::string& name, const Json& run, const Json& step, const std::string& base,
                  const std::string& adapter, std::set<std::string>& visited) {
    for (const Json& need : step.at("needs")) {
      const Json* before = need.is_string() ? find(run, need.get<std::string>()) : nullptr;
      if (before == nullptr || !visited.insert(need.get<std::string>()).second) {
        continue;
      }
      const std::string uses = text(*before, "uses");
      if (uses != "checkpoint") {  // its input is the list of all checkpoints
        collect(name + " " + text(*before, "id"), before->at("with"), 0);
      }
      if (uses == "eval") {
        collect(name + " " + text(*before, "id"), before->at("outputs"), 0);
      }
      if (uses == "train") {
        add_checkpoint(name + " " + text(*before, "id") + " checkpoint", *before, adapter.empty() ? base : adapter);
      }
      if (uses == "train" && !adapter.empty()) {
        const Json model = before->at("with").value("model", Json());
        const std::string trained_on = model.is_object() ? digest_in(model.value("base", Json())) : "";
        add_record(name + " " + text(*before, "id") + " base", "the adapter was trained on this version's base",
                   trained_on == base ? "" : "the adapter was trained on base " + trained_on);
      }
      add_inputs(name, run, *before, base, adapter, visited);
    }
  }

  // Which checkpoint of the training this version is.
  void add_checkpoint(const std::string& label, const Json& training, const std::string& weights) {
    const Json outputs = training.at("outputs");
    for (const Json& checkpoint : outputs.is_object() ? outputs.value("checkpoints", Json::array()) : Json::array()) {
      const Json model = checkpoint.is_object() ? checkpoint.value("model", Json()) : Json();
      const Json adapter = model.is_object() ? model.value("adapter", Json()) : Json();
      const Json base = model.is_object() ? model.value("base", Json()) : Json();
      if (digest_in(adapter.is_object() ? adapter : base) == weights) {
        return add_record(label, "step " + checkpoint.value("step", Json()).dump() + " of the training");
      }
    }
    const Json last = outputs.is_object() ? outputs.value("model", Json()) : Json();
    const bool is_last = last.is_object() && (digest_in(last.value("adapter", Json())) == weights ||
                                              digest_in(last.value("base", Json())) == weights);
    add_record(label, is_last ? "the end of the training" : "",
               is_last ? "" : "the training gave no checkpoint of these weights");
  }

  // Every lasting artifact within a value, named by its place.
  void collect(const std::string& place, const Json& value, int depth) {
    if (depth > kValueDepthMax) {
      return;
    }
    const std::string digest = digest_in(value);
    if (!digest.empty()) {
      const std::string kind = text(value, "kind");
      if (is_lasting(kind)) {
        add_artifact(place, digest, kind);
      }
      return;
    }
    if (value.is_object()) {
      for (const auto& [key, member] : value.items()) {
        collect(place + "." + key, member, depth + 1);
      }
    } else if (value.is_array()) {
      for (const Json& element : value) {
        collect(place, element, depth + 1);
      }
    }
  }

  // The version that registered these weights as a whole model, if another one did.
  Result<void> add_base(const std::string& name, const std::string& model, const Json& version, const std::string& base,
                        int depth) {
    if (text(version, "adapter").empty() || depth >= kVersionsDeepMax) {
      return {};
    }
    LUTHIER_TRY(const Json all, store_.list_models());
    for (const Json& candidate : all.at("models")) {
      for (const Json& each : candidate.at("versions")) {
        if (text(each, "base") == base && text(each, "adapter").empty()) {
          const std::string found = text(candidate, "name");
          add_record(name + " base version", found + "@" + std::to_string(each.at("version").get<int>()));
          return add_version(found, each, depth + 1);
        }
      }
    }
    add_record(name + " base version", "not registered under a name of its own (model " + model + ")");
    return {};
  }

  static const Json* find(const Json& run, const std::string& id) {
    for (const Json& step : run.at("steps")) {
      if (text(step, "id") == id) {
        return &step;
      }
    }
    return nullptr;
  }

  store::Store& store_;
  std::set<std::string> seen_;
};

}  // namespace

Result<std::vector<Link>> chain_of(store::Store& store, const Json& model, const Json& version) {
  Chain chain(store);
  chain.add_aliases(model, version);
  LUTHIER_TRY_VOID(chain.add_version(text(model, "name"), version, 0));
  return std::move(chain.links);
}

}  // namespace luthier::http::api
