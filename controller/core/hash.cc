#include <bit>

#include "controller/core/core.h"
#include "controller/core/fields.h"

namespace luthier::core {
namespace {

// Folds values one after the other; not cryptographic. Lengths go in before contents, so that neighbours cannot
// trade bytes.
struct Fold {
  std::uint64_t hash = 0x9e3779b97f4a7c15ULL;

  void word(std::uint64_t value) {
    hash ^= value;
    hash *= 0xbf58476d1ce4e5b9ULL;
    hash ^= hash >> 29;
  }
  template <std::integral T>
  void operator()(const char*, const T& value) {
    word(static_cast<std::uint64_t>(value));
  }
  template <class T>
    requires std::is_enum_v<T>
  void operator()(const char*, const T& value) {
    word(static_cast<std::uint64_t>(value));
  }
  void operator()(const char*, const double& value) { word(std::bit_cast<std::uint64_t>(value)); }
  void operator()(const char*, const std::string& value);
  void operator()(const char*, const Json& value);
  template <class Tag>
  void operator()(const char*, const StringId<Tag>& value) {
    (*this)("", value.value);
  }
  template <class T>
  void operator()(const char*, const std::vector<T>& values) {
    word(values.size());
    for (const T& value : values) {
      (*this)("", value);
    }
  }
  template <class K, class V>
  void operator()(const char*, const std::map<K, V>& values) {
    word(values.size());
    for (const auto& [key, value] : values) {
      (*this)("", key);
      (*this)("", value);
    }
  }
  template <class T>
    requires requires(Fold& f, const T& x) { fields::visit(f, x); }
  void operator()(const char*, const T& value) {
    fields::visit(*this, value);
  }
  void operator()(const char*, const Agent& x);
  void operator()(const char*, const Attempt& x);
  void operator()(const char*, const LiveStep& x);
  void operator()(const char*, const LiveRun& x);
  void operator()(const char*, const Deployment& x);
  void operator()(const char*, const ModelVersion& x);
  void operator()(const char*, const Model& x);
  void operator()(const char*, const AttemptId& x);

  // Every member, in order.
  template <class... T>
  void all(const T&... members) {
    ((*this)("", members), ...);
  }
};

void Fold::operator()(const char*, const std::string& value) {
  word(value.size());
  std::uint64_t chunk = 0;
  int filled = 0;
  for (const char c : value) {
    chunk = (chunk << 8) | static_cast<unsigned char>(c);
    if (++filled == 8) {
      word(chunk);
      chunk = 0;
      filled = 0;
    }
  }
  word(chunk);
}

void Fold::operator()(const char*, const Json& value) {
  word(static_cast<std::uint64_t>(value.type()));
  switch (value.type()) {
    case Json::value_t::object:
      word(value.size());
      for (const auto& [key, member] : value.get_ref<const Json::object_t&>()) {
        (*this)("", key);
        (*this)("", member);
      }
      break;
    case Json::value_t::array: (*this)("", value.get_ref<const Json::array_t&>()); break;
    case Json::value_t::string: (*this)("", value.get_ref<const std::string&>()); break;
    case Json::value_t::boolean: word(value.get<bool>() ? 1 : 0); break;
    case Json::value_t::number_integer: word(static_cast<std::uint64_t>(value.get<std::int64_t>())); break;
    case Json::value_t::number_unsigned: word(value.get<std::uint64_t>()); break;
    case Json::value_t::number_float: (*this)("", value.get<double>()); break;
    case Json::value_t::null:
    case Json::value_t::binary:
    case Json::value_t::discarded: break;
  }
}

void Fold::operator()(const char*, const AttemptId& x) { all(x.run, x.step, x.number); }
void Fold::operator()(const char*, const Agent& x) { all(x.name, x.boot_id, x.resources, x.status, x.lost_reason); }
void Fold::operator()(const char*, const Attempt& x) {
  all(x.agent, x.started, x.ready, x.ended, x.resume_artifact, x.resume_step);
}
void Fold::operator()(const char*, const LiveStep& x) {
  all(x.status, x.with, x.outputs, x.reason, x.attempt_number, x.attempt, x.checkpoints, x.infrastructure_failures,
      x.user_failures, x.agents_lost, x.not_before_wall_ms);
}
void Fold::operator()(const char*, const LiveRun& x) {
  all(x.order, x.plan_hash, x.submitted_by, x.started, x.cancel_requested, x.steps);
}
void Fold::operator()(const char*, const Deployment& x) { all(x.model, x.weights, x.used_wall_ms, x.serve); }
void Fold::operator()(const char*, const ModelVersion& x) { all(x.weights, x.lineage, x.metrics, x.description); }
void Fold::operator()(const char*, const Model& x) { all(x.versions, x.aliases); }

}  // namespace

std::uint64_t hash(const Json& value) {
  Fold fold;
  fold("", value);
  return fold.hash;
}

std::uint64_t hash(const State& state) {
  Fold fold;
  fold.all(state.epoch, state.seed, state.next_run, state.next_deployment, state.agents, state.runs, state.deployments,
           state.allocations, state.models);
  return fold.hash;
}

}  // namespace luthier::core
