// GenerateCall: one request to a model, from finding who serves it to the last token.
//
//   1 ask the state for the model --starting--> ask again after a while --ready--> 2 --error--> answered
//   2 send it to the agent that serves --first token or end--> 3 --agent unreachable--> 1, a few times
//   3 whole answer when done, or a stream of events from the first token on
//
// A client that goes away cancels at any point. Shared by the callbacks of the runtime and the hub; thread-safe.
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <string>

#include "controller/http/api/api.h"

namespace luthier::http::api {

class TokenStream;

class GenerateCall : public std::enable_shared_from_this<GenerateCall> {
 public:
  struct Wanted {
    std::string model;
    bool stream = false;
    Json request;  // for InferenceHub::generate
  };
  GenerateCall(Services& services, Wanted wanted, std::shared_ptr<Cancellation> cancellation, Reply reply);

  void start();

 private:
  void find_model();
  void on_model(const Result<Json>& found);
  void try_later(const Error& if_too_late);
  void generate(const Json& place);
  void on_token(std::string text);
  void on_done(const std::string& finish_reason, std::int64_t prompt_tokens, std::int64_t completion_tokens);
  void on_error(const Error& error);
  [[nodiscard]] std::shared_ptr<TokenStream> open_stream();

  Services& services_;
  const Wanted wanted_;
  const std::shared_ptr<Cancellation> cancellation_;
  const Reply reply_;
  const std::int64_t deadline_ms_;

  std::mutex mutex_;  // guards what follows
  int attempts_ = 0;
  std::string text_;
  std::shared_ptr<TokenStream> stream_;
};

}  // namespace luthier::http::api
