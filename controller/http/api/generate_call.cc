#include "controller/http/api/generate_call.h"

#include "controller/http/api/token_stream.h"

namespace luthier::http::api {
namespace {

// After a restart of controller or agent, the serving agent may need a moment to open its stream again.
constexpr int kAttemptsMax = 25;

Json usage_json(std::int64_t prompt_tokens, std::int64_t completion_tokens) {
  return {{"prompt_tokens", prompt_tokens}, {"completion_tokens", completion_tokens}};
}

}  // namespace

GenerateCall::GenerateCall(Services& services, Wanted wanted, std::shared_ptr<Cancellation> cancellation, Reply reply)
    : services_(services),
      wanted_(std::move(wanted)),
      cancellation_(std::move(cancellation)),
      reply_(std::move(reply)),
      deadline_ms_(services.context.clock.now().monotonic_ms + services.options.model_wait_max.count()) {}

void GenerateCall::start() { find_model(); }

void GenerateCall::find_model() {
  if (cancellation_->cancelled()) {
    return;
  }
  services_.context.runtime.call(
      [model = wanted_.model](core::RequestId id) {
        return core::Input(core::UseModel{.request = id, .model = model});
      },
      [self = shared_from_this()](const Result<Json>& found) { self->on_model(found); });
}

void GenerateCall::on_model(const Result<Json>& found) {
  if (!found) {
    return reply_(error_response(found.error()));
  }
  if (found->value("status", "") != "ready") {
    const std::string reason = found->value("reason", "");
    return try_later(
        Error{ErrorCode::kDeadlineExceeded, "model '" + wanted_.model + "' was not ready within " +
                                                std::to_string(services_.options.model_wait_max.count() / 1'000) +
                                                " s" + (reason.empty() ? "" : ": " + reason)});
  }
  services_.after(milliseconds(0), [self = shared_from_this(), place = *found] { self->generate(place); });
}

void GenerateCall::try_later(const Error& if_too_late) {
  if (services_.context.clock.now().monotonic_ms >= deadline_ms_) {
    return reply_(error_response(if_too_late));
  }
  services_.after(services_.options.model_poll_interval, [self = shared_from_this()] { self->find_model(); });
}

void GenerateCall::generate(const Json& place) {
  if (cancellation_->cancelled()) {
    return;
  }
  const AttemptId deployment{RunId{place.value("deployment", "")}, StepId{"serve"},
                             place.value("attempt", std::int32_t{0})};
  const auto self = shared_from_this();
  const std::uint64_t id = services_.context.inference.generate(
      AgentId{place.value("agent", "")}, deployment, wanted_.request,
      {.on_token = [self](std::string text) { self->on_token(std::move(text)); },
       .on_done =
           [self](const std::string& finish_reason, std::int64_t prompt_tokens, std::int64_t completion_tokens) {
             self->on_done(finish_reason, prompt_tokens, completion_tokens);
           },
       .on_error = [self](const Error& error) { self->on_error(error); }});
  cancellation_->on_cancel([&hub = services_.context.inference, id] { hub.cancel(id); });
}

void GenerateCall::on_token(std::string text) {
  if (!wanted_.stream) {
    const std::lock_guard lock(mutex_);
    text_ += text;
    return;
  }
  if (!open_stream()->add({{"text", std::move(text)}})) {
    // From a handler thread: the hub may be calling us under a lock of its own.
    services_.after(milliseconds(0), [cancellation = cancellation_] { cancellation->cancel(); });
  }
}

void GenerateCall::on_done(const std::string& finish_reason, std::int64_t prompt_tokens,
                           std::int64_t completion_tokens) {
  const Json usage = usage_json(prompt_tokens, completion_tokens);
  if (wanted_.stream) {
    return open_stream()->finish({{"finish_reason", finish_reason}, {"usage", usage}});
  }
  const std::lock_guard lock(mutex_);
  reply_(json_response({{"text", text_}, {"finish_reason", finish_reason}, {"usage", usage}}));
}

void GenerateCall::on_error(const Error& error) {
  bool again = false;
  std::shared_ptr<TokenStream> stream;
  {
    const std::lock_guard lock(mutex_);
    stream = stream_;
    again = error.code == ErrorCode::kUnavailable && !stream && text_.empty() && ++attempts_ < kAttemptsMax;
  }
  if (again) {
    return try_later(error);
  }
  const Response refusal = error_response(error);
  if (stream) {
    return stream->fail(Json::parse(refusal.body));
  }
  reply_(refusal);
}

// The answer starts with the first token, so that an error before it can still be an HTTP error.
std::shared_ptr<TokenStream> GenerateCall::open_stream() {
  const std::lock_guard lock(mutex_);
  if (!stream_) {
    stream_ = std::make_shared<TokenStream>();
    Response response;
    response.content_type = "text/event-stream";
    response.stream = stream_;
    reply_(std::move(response));
  }
  return stream_;
}

}  // namespace luthier::http::api
