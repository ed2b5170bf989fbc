// Runs the real luthier-worker: train, kill -9 and resume, stop, eval, serve, and failures.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstring>
#include <fstream>
#include <limits>
#include <nlohmann/json.hpp>
#include <thread>

#include "base/child_process.h"
#include "base/file.h"
#include "base/unique_fd.h"
#include "pipelines/data/pack/pack_file.h"
#include "tests/agents/worker/temporary_folder.h"

namespace luthier::worker {
namespace {

using Json = nlohmann::json;
using ::testing::HasSubstr;

const std::string kGolden = LUTHIER_SOURCE_DIR "/tests/golden/worker";

Json artifact(const std::filesystem::path& path) {
  return {{"$path", path.string()}, {"$artifact", "sha256:0"}, {"kind", "model"}};
}

std::string contents(const std::filesystem::path& path) {
  auto text = read_file(path);
  EXPECT_TRUE(text) << path;
  return text ? *text : "";
}

// The lines of scores.jsonl add up to the metrics.
void expect_scores_give(const Json& metrics, const std::string& text) {
  double loss = 0;
  double tokens = 0;
  double labels = 0;
  int count = 0;
  for (std::size_t at = 0; at < text.size(); at = text.find('\n', at) + 1, ++count) {
    const Json line = Json::parse(text.substr(at, text.find('\n', at) - at));
    EXPECT_EQ(line["line"], count + 1);
    EXPECT_EQ(line["model"], line["baseline"]);
    loss += line["model"]["loss"].get<double>();
    tokens += line["model"]["tokens"].get<double>();
    labels += line["model"]["label_correct"].get<bool>() ? 1 : 0;
  }
  EXPECT_EQ(count, metrics["examples"]);
  EXPECT_NEAR(loss / tokens, metrics["loss"].get<double>(), 1e-5);
  EXPECT_EQ(labels / count, metrics["label_accuracy"]);
}

class WorkerProcess : public ::testing::Test {
 protected:
  WorkerProcess() {
    std::string lines;
    for (int i = 0; i < 48; ++i) {
      const char* who = i % 2 == 0 ? "the goalie" : "the pitcher";
      lines += Json{{"prompt", std::string(who) + " made " + std::to_string(i) + " ->"},
                    {"completion", i % 2 == 0 ? " goal" : " ball"}}
                   .dump() +
               "\n";
    }
    folder_.write("data/data.jsonl", lines);
    folder_.write("data/dataset.json", R"({"task":"classification","prompt_suffix":" ->","completion_prefix":" "})");
  }

  // A LoRA training of 36 steps with dropout, a checkpoint every 4.
  [[nodiscard]] Json training() const {
    return {{"model", {{"base", artifact(kGolden + "/llama")}, {"adapter", nullptr}, {"name", "tiny"}}},
            {"data", artifact(folder_.path() / "data")},
            {"validation", artifact(folder_.path() / "data")},
            {"lora", {{"r", 4}, {"dropout", 0.1}}},
            {"method", {{"supervised", {{"n_epochs", 3}, {"batch_size", 4}, {"learning_rate", 0.01}}}}},
            {"checkpoints", {{"every_steps", 4}}}};
  }

  // The same on shards of the same records, in rows of 40 tokens; three rows a step.
  [[nodiscard]] Json packed_training(const std::string& out = "packed") const {
    data::pack::PackOptions options;
    auto model = data::tokens::load_model_text(kGolden + "/llama", {}, "llama");
    EXPECT_TRUE(model) << model.error().message;
    options.model = std::move(*model);
    options.file = folder_.path() / "data/data.jsonl";
    options.out = folder_.path() / out;
    options.budget = 40;
    const auto report = data::pack::pack_file(options);
    EXPECT_TRUE(report) << report.error().message;
    EXPECT_EQ(report->samples, 48U);
    EXPECT_LT(report->bins, 48U);
    Json with = training();
    with["data"] = with["validation"] = artifact(options.out);
    with["method"]["supervised"] = {{"n_epochs", 9}, {"max_steps", 36}, {"batch_size", 3}, {"learning_rate", 0.01}};
    return with;
  }

  // Starts a worker in its own work folder; stdout (the messages) goes to <work>/out.
  pid_t start(const std::string& work, const std::string& verb, const Json& with, const Json& resume = nullptr) {
    Json job = {{"version", 1}, {"run", "r-1"}, {"step", "s"},           {"attempt", 1},
                {"uses", verb}, {"with", with}, {"gpus", Json::array()}, {"threads", 2}};
    if (!resume.is_null()) {
      job["resume"] = resume;
    }
    const auto job_file = folder_.write(work + "/job.json", job.dump());
    const UniqueFd out(::open((folder_.path() / work / "out").c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644));
    auto pid = spawn_child({.argv = {LUTHIER_BIN_DIR "/luthier-worker", verb},
                            .environment = {"LUTHIER_JOB=" + job_file.string(), "PATH=/usr/bin:/bin",
                                            "LUTHIER_SERVE_SOCKET=" + socket_path()},
                            .workdir = folder_.path() / work,
                            .stdout_fd = out.get(),
                            .parent_death_signal = SIGKILL});
    EXPECT_TRUE(pid) << (pid ? "" : pid.error().message);
    return pid ? *pid : -1;
  }

  static int wait_for(pid_t pid) {
    int status = 0;
    EXPECT_EQ(::waitpid(pid, &status, 0), pid);
    return status;
  }

  int run(const std::string& work, const std::string& verb, const Json& with, const Json& resume = nullptr) {
    const int status = wait_for(start(work, verb, with, resume));
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  }

  [[nodiscard]] std::vector<Json> messages(const std::string& work) const {
    std::vector<Json> list;
    std::ifstream stream(folder_.path() / work / "out");
    for (std::string line; std::getline(stream, line);) {
      const Json json = Json::parse(line, nullptr, false);
      if (json.is_object()) {  // the last line may be half written
        list.push_back(json);
      }
    }
    return list;
  }

  // The newest checkpoint that was offered; null when there is none yet.
  [[nodiscard]] Json newest_checkpoint(const std::string& work) const {
    Json newest;
    for (const Json& message : messages(work)) {
      if (message["type"] == "checkpoint") {
        newest = {{"$path", (folder_.path() / work / message["path"].get<std::string>()).string()},
                  {"step", message["step"]}};
      }
    }
    return newest;
  }

  [[nodiscard]] Json wait_for_checkpoint(const std::string& work) const {
    for (int i = 0; i < 6'000; ++i) {
      if (Json found = newest_checkpoint(work); !found.is_null()) {
        return found;
      }
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
    ADD_FAILURE() << "no checkpoint";
    return nullptr;
  }

  void expect_same_end(const std::string& a, const std::string& b, const std::string& weights) const {
    for (const std::string& file : {weights, std::string("checkpoints/step-36/optimizer.safetensors"),
                                    std::string("checkpoints/step-36/trainer_state.json")}) {
      EXPECT_TRUE(contents(folder_.path() / a / file) == contents(folder_.path() / b / file)) << file;
    }
  }

  pid_t start_server(const std::string& work, const Json& model) {
    const pid_t server = start(work, "serve", {{"model", model}});
    while (messages(work).empty() || messages(work).back()["type"] != "ready") {
      if (::waitpid(server, nullptr, WNOHANG) != 0) {
        ADD_FAILURE() << "the server ended";
        break;
      }
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
    }
    return server;
  }

  // The last line that a request gets, with all text in `text`.
  [[nodiscard]] Json ask(Json request) const {
    request["id"] = "1";
    request["type"] = "generate";
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::strncpy(address.sun_path, socket_path().c_str(), sizeof(address.sun_path) - 1);
    const UniqueFd socket(::socket(AF_UNIX, SOCK_STREAM, 0));
    EXPECT_EQ(::connect(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)), 0);
    EXPECT_TRUE(write_all(socket.get(), request.dump() + "\n"));
    std::string text;
    std::string unread;
    for (char bytes[512];;) {
      const ssize_t count = ::read(socket.get(), bytes, sizeof(bytes));
      if (count <= 0) {
        ADD_FAILURE() << "the server closed the connection";
        return Json();
      }
      unread.append(bytes, static_cast<std::size_t>(count));
      for (std::size_t end = 0; (end = unread.find('\n')) != std::string::npos; unread.erase(0, end + 1)) {
        Json line = Json::parse(unread.substr(0, end));
        if (line["type"] != "delta") {
          line["text"] = text;
          return line;
        }
        text += line["text"].get<std::string>();
      }
    }
  }

  static void expect_stops(pid_t server) {
    ::kill(server, SIGTERM);
    const int status = wait_for(server);
    EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0);
  }

  [[nodiscard]] std::string socket_path() const { return (folder_.path() / "serve").string(); }

  TemporaryFolder folder_;
};

TEST_F(WorkerProcess, AKilledTrainingResumesToTheSameBytes) {
  ASSERT_EQ(run("whole", "train", training()), 0);
  const pid_t victim = start("killed", "train", training());
  (void)wait_for_checkpoint("killed");
  ::kill(victim, SIGKILL);
  wait_for(victim);
  const Json resume = newest_checkpoint("killed");
  ASSERT_LT(resume["step"], 36) << "the training was over before it could be killed";
  ASSERT_EQ(run("resumed", "train", training(), resume), 0);
  expect_same_end("whole", "resumed", "adapter/adapter_model.safetensors");

  const Json result = messages("resumed").back();
  EXPECT_EQ(result["type"], "result");
  EXPECT_EQ(result["outputs"]["steps"], 36);
  EXPECT_EQ(result["outputs"]["model"]["adapter"]["kind"], "adapter");
  EXPECT_EQ(result["outputs"]["model"]["base"]["$artifact"], "sha256:0");
  EXPECT_LT(result["outputs"]["full_valid_loss"], 3.0);
  EXPECT_THAT(contents(folder_.path() / "resumed/adapter/luthier.json"), HasSubstr("\" ->\""));
}

TEST_F(WorkerProcess, ATrainingOnShardsLearnsAndResumesToTheSameBytes) {
  const Json with = packed_training();
  ASSERT_EQ(run("whole", "train", with), 0) << messages("whole").back();
  const pid_t victim = start("killed", "train", with);
  (void)wait_for_checkpoint("killed");
  ::kill(victim, SIGKILL);
  wait_for(victim);
  const Json resume = newest_checkpoint("killed");
  ASSERT_LT(resume["step"], 36) << "the training was over before it could be killed";
  // Packed again, the same data gives the same rows.
  ASSERT_EQ(run("resumed", "train", packed_training("again"), resume), 0) << messages("resumed").back();
  expect_same_end("whole", "resumed", "adapter/adapter_model.safetensors");
  const Json outputs = messages("resumed").back()["outputs"];
  EXPECT_EQ(outputs["steps"], 36);
  EXPECT_LT(outputs["full_valid_loss"], 3.0);
}

TEST_F(WorkerProcess, AStoppedFullTrainingWritesACheckpointAndResumesToTheSameBytes) {
  for (const char* dtype : {"float32", "bfloat16"}) {
    const std::string name = dtype;
    Json with = training();
    with.erase("lora");
    with["dtype"] = dtype;
    ASSERT_EQ(run(name + "-whole", "train", with), 0);
    const pid_t stopped = start(name + "-stopped", "train", with);
    (void)wait_for_checkpoint(name + "-stopped");
    ::kill(stopped, SIGTERM);
    const int status = wait_for(stopped);
    ASSERT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    const std::vector<Json> said = messages(name + "-stopped");
    ASSERT_EQ(said.back()["type"], "checkpoint") << "it gives no result when it was stopped";
    ASSERT_EQ(run(name + "-resumed", "train", with, newest_checkpoint(name + "-stopped")), 0);
    expect_same_end(name + "-whole", name + "-resumed", "model/model.safetensors");
  }
}

TEST_F(WorkerProcess, ResumingWithOtherSettingsIsRefused) {
  Json with = training();
  with["method"]["supervised"]["max_steps"] = 4;
  ASSERT_EQ(run("first", "train", with), 0);
  with["method"]["supervised"]["learning_rate"] = 0.02;
  EXPECT_EQ(run("second", "train", with, newest_checkpoint("first")), 1);
  EXPECT_THAT(messages("second").back()["message"], HasSubstr("other settings"));
}

TEST_F(WorkerProcess, ANewModelIsTrainedFromTextAndEvaluated) {
  folder_.write("text/data.jsonl", "{\"text\": \"the goalie made a save by the goalie made a save\"}\n");
  const Json init = {{"architecture", "llama"}, {"tokenizer", artifact(kGolden + "/llama")},
                     {"hidden_size", 16},       {"intermediate_size", 32},
                     {"num_hidden_layers", 1},  {"num_attention_heads", 2}};
  ASSERT_EQ(run("new", "train",
                {{"init", init},
                 {"data", artifact(folder_.path() / "text")},
                 {"method", {{"pretrain", {{"n_epochs", 2}, {"max_tokens", 8}}}}}}),
            0);
  const Json model = {{"base", artifact(folder_.path() / "new/model")}, {"adapter", nullptr}, {"name", nullptr}};
  ASSERT_EQ(run("eval", "eval",
                {{"model", model}, {"data", artifact(folder_.path() / "data")}, {"samples", 2}, {"baseline", model}}),
            0);
  const Json outputs = messages("eval").back()["outputs"];
  EXPECT_EQ(outputs["base_metrics"], nullptr);
  EXPECT_EQ(outputs["metrics"], outputs["baseline_metrics"]);
  EXPECT_EQ(outputs["better"], false);
  EXPECT_EQ(outputs["baseline"]["base"], "sha256:0");
  EXPECT_EQ(outputs["comparison"]["low"], 0);
  EXPECT_EQ(outputs["comparison"]["high"], 0);
  EXPECT_EQ(outputs["metrics"]["examples"], 48);
  expect_scores_give(outputs["metrics"], contents(folder_.path() / "eval/report/scores.jsonl"));
  EXPECT_EQ(Json::parse(contents(folder_.path() / "eval/report/report.json"))["samples"].size(), 2U);
}

TEST_F(WorkerProcess, AMergedModelScoresAsBaseAndAdapterDo) {
  const Json tuned = {
      {"base", artifact(kGolden + "/llama")}, {"adapter", artifact(kGolden + "/llama_adapter")}, {"name", "tiny"}};
  ASSERT_EQ(run("merge", "merge", {{"model", tuned}}), 0);
  EXPECT_FALSE(std::filesystem::exists(folder_.path() / "merge/merged/adapter_config.json"));
  const Json whole = {{"base", artifact(folder_.path() / "merge/merged")}, {"adapter", nullptr}, {"name", "tiny"}};
  const Json data = artifact(folder_.path() / "data");
  ASSERT_EQ(run("eval_tuned", "eval", {{"model", tuned}, {"data", data}, {"samples", 0}}), 0);
  ASSERT_EQ(run("eval_whole", "eval", {{"model", whole}, {"data", data}, {"samples", 0}}), 0);
  const Json of_tuned = messages("eval_tuned").back()["outputs"];
  const Json of_whole = messages("eval_whole").back()["outputs"];
  EXPECT_NEAR(of_whole["metrics"]["loss"].get<double>(), of_tuned["metrics"]["loss"].get<double>(), 1e-4);
  EXPECT_NE(of_tuned["metrics"]["loss"], of_tuned["base_metrics"]["loss"]);
  EXPECT_EQ(run("nothing", "merge", {{"model", whole}}), 1);
}

TEST_F(WorkerProcess, ServesTheTunedModelUntilToldToStop) {
  const Json model = {
      {"base", artifact(kGolden + "/llama")}, {"adapter", artifact(kGolden + "/llama_adapter")}, {"name", "tiny"}};
  const pid_t server = start_server("serve_work", model);
  const Json done = ask({{"prompt", "the goalie"}, {"max_tokens", 3}});
  EXPECT_TRUE(done["usage"].contains("completion_tokens")) << done;
  expect_stops(server);
}

// What users say here is drawn from a generator and cannot be learned, so answers that are all right say that nothing
// else is asked.
TEST_F(WorkerProcess, ChatsTeachAnswersAndNothingElseAndAreAskedByTheSameTemplate) {
  std::string lines;
  std::uint32_t drawn = 1;
  const auto noise = [&] {
    std::string text;
    for (int i = 0; i < 4; ++i) {
      drawn = drawn * 1664525U + 1013904223U;
      text += static_cast<char>('a' + drawn / 65536 % 26);
    }
    return text;
  };
  for (int i = 0; i < 32; ++i) {
    const bool hockey = i % 2 == 0;
    const Json ignored = {{"role", "assistant"}, {"content", noise()}, {"weight", 0}};
    Json messages = {{{"role", "user"}, {"content", noise() + (hockey ? " puck" : " bat")}},
                     {{"role", "assistant"}, {"content", hockey ? "ice" : "grass"}}};
    if (i % 8 < 2) {
      messages.insert(messages.begin(), {{{"role", "user"}, {"content", noise()}}, ignored});
    }
    lines += Json{{"messages", messages}}.dump() + "\n";
  }
  folder_.write("chats/data.jsonl", lines);
  folder_.write("chats/dataset.json", R"({"task":"chat"})");
  Json with = training();
  with["data"] = with["validation"] = artifact(folder_.path() / "chats");
  with["lora"] = {{"r", 16}};
  with["method"]["supervised"] = {{"n_epochs", 15}, {"batch_size", 4}, {"learning_rate", 0.02}, {"seed", 7}};
  with.erase("checkpoints");
  ASSERT_EQ(run("chat", "train", with), 0);
  EXPECT_EQ(messages("chat").back()["outputs"]["full_valid_mean_token_accuracy"], 1);
  const auto adapter = folder_.path() / "chat/adapter";
  EXPECT_EQ(Json::parse(contents(adapter / "luthier.json"))["task"], "chat");
  EXPECT_THAT(contents(adapter / "chat_template.jinja"), HasSubstr("eos_token"));
  EXPECT_EQ(contents(adapter / "tokenizer.json"), contents(kGolden + "/llama/tokenizer.json"));

  const Json tuned = {{"base", artifact(kGolden + "/llama")}, {"adapter", artifact(adapter)}, {"name", "tiny"}};
  ASSERT_EQ(run("chat_merge", "merge", {{"model", tuned}}), 0);
  EXPECT_EQ(contents(folder_.path() / "chat_merge/merged/chat_template.jinja"),
            contents(adapter / "chat_template.jinja"));
  ASSERT_EQ(run("chat_eval", "eval",
                {{"model", tuned}, {"data", with["data"]}, {"samples", 32}, {"labels", {"grass", "ice"}}}),
            0);
  EXPECT_EQ(messages("chat_eval").back()["outputs"]["metrics"]["label_accuracy"], 1);
  EXPECT_LT(messages("chat_eval").back()["outputs"]["base_metrics"]["label_accuracy"], 0.8);
  const Json report = Json::parse(contents(folder_.path() / "chat_eval/report/report.json"));
  ASSERT_EQ(report["samples"].size(), 32U);
  for (const Json& sample : report["samples"]) {
    EXPECT_EQ(sample["tuned"], sample["expected"]) << sample;
    EXPECT_TRUE(sample["prompt"].get<std::string>().ends_with("assistant:\n")) << sample;
  }

  const pid_t server = start_server("chat_serve", tuned);
  const auto said_to = [&](const Json& request) { return ask(request)["text"]; };
  const Json user = {{"role", "user"}, {"content", "zzzz puck"}};
  EXPECT_EQ(said_to({{"messages", {user}}}), "ice");
  EXPECT_EQ(said_to({{"prompt", "zzzz bat"}, {"apply_template", true}}), "grass");
  const Json turns = {user, {{"role", "assistant"}, {"content", "ice"}}, {{"role", "user"}, {"content", "zzzz bat"}}};
  EXPECT_EQ(said_to({{"messages", turns}}), "grass");
  const Json picture = {{"role", "user"}, {"content", {{{"type", "image_url"}}}}};
  EXPECT_THAT(ask({{"messages", {picture}}})["message"].get<std::string>(), HasSubstr("reads text only"));
  expect_stops(server);
}

TEST_F(WorkerProcess, OnlyConversationsThatBothModelsWereAskedAreCompared) {
  const auto chat = [](const std::string& words) {
    return Json{{"messages", {{{"role", "user"}, {"content", words}}, {{"role", "assistant"}, {"content", "ice"}}}}}
               .dump() +
           "\n";
  };
  folder_.write("mixed/data.jsonl", chat(std::string(60, 'x')) + chat("puck") + chat(std::string(50, 'y')));
  Json config = Json::parse(contents(kGolden + "/llama/config.json"));
  config["max_position_embeddings"] = 48;
  folder_.write("short/config.json", config.dump());
  for (const char* name : {"model.safetensors", "tokenizer.json", "tokenizer_config.json"}) {
    folder_.write(std::string("short/") + name, contents(kGolden + "/llama/" + name));
  }
  const auto model = [](const std::filesystem::path& base) {
    return Json{{"base", artifact(base)}, {"adapter", nullptr}, {"name", nullptr}};
  };
  ASSERT_EQ(run("common", "eval",
                {{"model", model(kGolden + "/llama")},
                 {"baseline", model(folder_.path() / "short")},
                 {"data", artifact(folder_.path() / "mixed")}}),
            0);
  EXPECT_EQ(messages("common").back()["outputs"]["comparison"]["examples"], 1);
  const Json line = Json::parse(contents(folder_.path() / "common/report/scores.jsonl"));
  EXPECT_EQ(line["line"], 2);
  EXPECT_EQ(line["model"]["tokens"], line["baseline"]["tokens"]);
  EXPECT_NEAR(line["model"]["loss"].get<double>(), line["baseline"]["loss"].get<double>(), 1e-4);
}

TEST_F(WorkerProcess, FailuresSayWhoseTheyAreAndWhatToDo) {
  Json exploding = training();
  std::string weights = contents(kGolden + "/llama/model.safetensors");
  const float infinity = std::numeric_limits<float>::infinity();
  std::memcpy(weights.data() + weights.size() - sizeof(infinity), &infinity, sizeof(infinity));
  folder_.write("bad_model/model.safetensors", weights);
  for (const char* name : {"config.json", "tokenizer.json", "tokenizer_config.json"}) {
    folder_.write(std::string("bad_model/") + name, contents(kGolden + "/llama/" + name));
  }
  exploding["model"]["base"] = artifact(folder_.path() / "bad_model");
  Json no_data = training();
  no_data["data"] = artifact(folder_.path() / "nowhere");
  Json broken_data = training();
  folder_.write("broken/data.jsonl", "{\"prompt\": 1}\n");
  broken_data["data"] = artifact(folder_.path() / "broken");
  Json unknown = training();
  unknown["method"]["supervised"]["epochs"] = 1;
  Json foreign_shards = packed_training();
  foreign_shards["model"]["base"] = artifact(folder_.path() / "other_model");
  for (const char* name : {"config.json", "tokenizer_config.json", "model.safetensors"}) {
    folder_.write(std::string("other_model/") + name, contents(kGolden + "/llama/" + name));
  }
  folder_.write("other_model/tokenizer.json", contents(kGolden + "/llama/tokenizer.json") + "\n");
  struct {
    const char* work;
    const Json& with;
    const char* code;
    const char* message;
  } cases[] = {{"shards", foreign_shards, "invalid_input", "packed with the tokenizer sha256:"},
               {"nan", exploding, "nan_loss", "learning_rate"},
               {"absent", no_data, "invalid_input", "nowhere"},
               {"broken", broken_data, "invalid_data", "data.jsonl:1"},
               {"unknown", unknown, "invalid_input", "'epochs'"}};
  for (const auto& [work, with, code, message] : cases) {
    EXPECT_EQ(run(work, "train", with), 1) << work;
    const Json last = messages(work).back();
    ASSERT_EQ(last["type"], "error") << work;
    EXPECT_EQ(last["class"], "user") << work;
    EXPECT_EQ(last["code"], code) << last;
    EXPECT_THAT(last["message"], HasSubstr(message)) << work;
  }
}

TEST_F(WorkerProcess, GpusWithoutThePluginAreAnInfrastructureFailure) {
  const auto job = folder_.write("gpu/job.json",
                                 Json{{"version", 1}, {"uses", "train"}, {"gpus", {0}}, {"with", training()}}.dump());
  const UniqueFd out(::open((folder_.path() / "gpu/out").c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0644));
  auto pid = spawn_child({.argv = {LUTHIER_BIN_DIR "/luthier-worker", "train"},
                          .environment = {"LUTHIER_JOB=" + job.string(), "CUDA_VISIBLE_DEVICES="},
                          .workdir = folder_.path() / "gpu",
                          .stdout_fd = out.get()});
  ASSERT_TRUE(pid);
  const int status = wait_for(*pid);
  ASSERT_TRUE(WIFEXITED(status));
  EXPECT_EQ(WEXITSTATUS(status), 2);
  EXPECT_EQ(messages("gpu").back()["class"], "infrastructure");
  EXPECT_THAT(messages("gpu").back()["message"], HasSubstr("GPUs"));
}

}  // namespace
}  // namespace luthier::worker
