#include "tests/simulation/random_plan.h"

namespace luthier::simulation {
namespace {

using plan::Json;

class Maker {
 public:
  Maker(Random& random, int number) : random_(random) { plan_.pipeline = "p" + std::to_string(number % 3); }

  plan::Plan make() {
    const std::uint64_t kind = random_.below(4);
    if (kind == 0) {
      make_fan_out();
    } else if (kind == 1) {
      make_commands();
    } else {
      make_lifecycle();
    }
    return std::move(plan_);
  }

 private:
  plan::Step& add(const std::string& name, const std::string& uses, const std::vector<std::string>& needs) {
    plan::Step step;
    step.id = StepId{name};
    step.name = name.substr(0, name.find('['));
    step.uses = uses;
    for (const std::string& need : needs) {
      step.needs.push_back(StepId{need});
    }
    step.priority = static_cast<int>(random_.below(3));
    step.retry.infrastructure = static_cast<int>(random_.below(6));
    step.retry.user = static_cast<int>(random_.below(2));
    step.retry.backoff_max = milliseconds{20'000};
    if (random_.below(6) == 0) {
      step.timeout = milliseconds{4'000 + static_cast<std::int64_t>(random_.below(8'000))};
    }
    plan_.steps.push_back(std::move(step));
    return plan_.steps.back();
  }

  void make_controller(const std::string& name, const std::vector<std::string>& needs, Json with) {
    plan::Step& step = add(name, name, needs);
    step.place = plan::Place::kController;
    step.with = std::move(with);
  }

  // A person decides; some are given a time to do so.
  void make_approval(const std::vector<std::string>& needs) {
    make_controller("approve", needs, Json{{"message", "go on?"}});
    plan::Step& step = plan_.steps.back();
    if (random_.below(2) == 0) {
      step.with["approvers"] = {"anna", "ben"};
    }
    step.timeout = milliseconds{random_.below(2) == 0 ? 0 : 3'000 + static_cast<std::int64_t>(random_.below(60'000))};
  }

  // prepare → upload → train → checkpoint → eval (→ approve) → promote (→ notify), as the quickstart.
  void make_lifecycle() {
    add("prepare", "prepare", {});
    make_controller("upload", {"prepare"}, {{"training", "${{ steps.prepare.outputs.train }}"}});
    plan::Step& train = add("train", "train", {"upload"});
    train.with = {{"model", Json::parse(R"({"base":{"$artifact":"sha256:base","kind":"model"},"adapter":null})")},
                  {"data", "${{ steps.upload.outputs.training }}"}};
    train.resources.gpus = static_cast<int>(random_.below(2));
    make_controller("checkpoint", {"train"},
                    {{"from", "${{ steps.train.outputs.checkpoints }}"},
                     {"select", {{"metric", "full_valid_loss"}, {"mode", "min"}}}});
    plan::Step& eval = add("eval", "eval", {"checkpoint", "upload"});
    eval.with = {{"model", "${{ steps.checkpoint.outputs.best }}"}, {"baseline", "alias:production"}};
    const bool asks = random_.below(3) == 0;
    if (asks) {
      make_approval({"eval"});
    }
    make_controller("promote",
                    asks ? std::vector<std::string>{"checkpoint", "eval", "approve"}
                         : std::vector<std::string>{"checkpoint", "eval"},
                    {{"model", "${{ steps.checkpoint.outputs.best }}"}, {"alias", "production"}});
    plan_.steps.back().condition =
        asks ? "steps.eval.outputs.better && steps.approve.status == 'succeeded'" : "steps.eval.outputs.better";
    if (random_.below(3) == 0) {
      make_controller("notify", {"promote"}, {{"message", "serves"}, {"level", "info"}});
    }
  }

  void make_fan_out() {
    add("first", "run", {});
    std::vector<std::string> members;
    const int count = 2 + static_cast<int>(random_.below(3));
    const int max_parallel = static_cast<int>(random_.below(3));
    for (int i = 0; i < count; ++i) {
      const std::string id = "try[i=" + std::to_string(i) + "]";
      members.push_back(id);
      plan::Step& step = add(id, "run", {"first"});
      step.matrix = {{"i", i}};
      step.max_parallel = max_parallel;
      step.with = {{"command", "try ${{ matrix.i }} of ${{ steps.first.outputs.value }}"}};
      step.resources.gpus = static_cast<int>(random_.below(2));
    }
    plan::Step& last = add("last", "run", members);
    last.with = {{"command", "collect"}};
    if (random_.below(2) == 0) {
      last.condition = "steps.first.status == 'succeeded'";  // also when members failed
    }
  }

  void make_commands() {
    const int count = 1 + static_cast<int>(random_.below(6));
    const bool asks = random_.below(3) == 0;
    if (asks) {
      make_approval({});
    }
    for (int i = 0; i < count; ++i) {
      std::vector<std::string> needs;
      if (asks && random_.below(2) == 0) {
        needs.push_back("approve");
      }
      for (int j = 0; j < i; ++j) {
        if (random_.below(3) == 0) {
          needs.push_back("s" + std::to_string(j));
        }
      }
      plan::Step& step = add("s" + std::to_string(i), "run", needs);
      step.resources.gpus = static_cast<int>(random_.below(3));
      if (random_.below(3) == 0) {  // a gang; every world has two agents
        step.resources.gpus = 0;
        step.resources.nodes = 2;
        step.exclusive = random_.below(2) == 0;
      }
      step.with = {{"command", "true"}};
      if (!needs.empty() && random_.below(3) == 0) {
        step.condition = "steps." + needs.front() + ".status != 'succeeded'";
      }
    }
  }

  Random& random_;
  plan::Plan plan_;
};

}  // namespace

plan::Plan random_plan(Random& random, int number) { return Maker(random, number).make(); }

}  // namespace luthier::simulation
