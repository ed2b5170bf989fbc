#include "integrations/http_client.h"

#include <curl/curl.h>

#include <algorithm>
#include <cctype>
#include <chrono>
#include <cstdio>
#include <mutex>
#include <thread>

#include "base/random.h"

namespace luthier::integrations {
namespace {

constexpr milliseconds kFirstPause{100};

struct SlistDeleter {
  void operator()(curl_slist* list) const { curl_slist_free_all(list); }
};
using HeaderList = std::unique_ptr<curl_slist, SlistDeleter>;

struct FileDeleter {
  void operator()(std::FILE* file) const { std::fclose(file); }
};
using File = std::unique_ptr<std::FILE, FileDeleter>;

// What the callbacks of one try work on.
struct Try {
  const HttpRequest& request;
  const HttpClient::OnBytes* on_bytes = nullptr;  // null: keep the body
  HttpResponse response;
  File upload;
  bool too_large = false;
  bool stopped = false;  // by cancelled() or on_bytes()
};

std::string lower_case(std::string_view text) {
  std::string lowered(text);
  std::transform(lowered.begin(), lowered.end(), lowered.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return lowered;
}

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) {
    text.remove_prefix(1);
  }
  while (!text.empty() && (text.back() == '\r' || text.back() == '\n' || text.back() == ' ')) {
    text.remove_suffix(1);
  }
  return text;
}

std::size_t on_header(char* data, std::size_t, std::size_t size, void* context) {
  Try& attempt = *static_cast<Try*>(context);
  const std::string_view line(data, size);
  if (line.rfind("HTTP/", 0) == 0) {  // also after "100 Continue": only the last answer's header counts
    attempt.response.headers.clear();
    const std::size_t space = line.find(' ');
    attempt.response.status = space == std::string_view::npos ? 0 : std::atoi(std::string(line.substr(space)).c_str());
  } else if (const std::size_t colon = line.find(':'); colon != std::string_view::npos) {
    attempt.response.headers[lower_case(line.substr(0, colon))] = std::string(trimmed(line.substr(colon + 1)));
  }
  return size;
}

std::size_t on_body(char* data, std::size_t, std::size_t size, void* context) {
  Try& attempt = *static_cast<Try*>(context);
  const bool success = attempt.response.status >= 200 && attempt.response.status < 300;
  if (attempt.on_bytes != nullptr && success) {
    if (!(*attempt.on_bytes)(std::string_view(data, size))) {
      attempt.stopped = true;
      return 0;
    }
    return size;
  }
  if (attempt.response.body.size() + size > attempt.request.body_bytes_max) {
    attempt.too_large = true;
    return 0;
  }
  attempt.response.body.append(data, size);
  return size;
}

std::size_t on_read(char* data, std::size_t, std::size_t size, void* context) {
  Try& attempt = *static_cast<Try*>(context);
  const std::size_t count = std::fread(data, 1, size, attempt.upload.get());
  return count == 0 && std::ferror(attempt.upload.get()) != 0 ? CURL_READFUNC_ABORT : count;
}

int on_seek(void* context, curl_off_t offset, int origin) {
  Try& attempt = *static_cast<Try*>(context);
  return ::fseeko(attempt.upload.get(), offset, origin) == 0 ? CURL_SEEKFUNC_OK : CURL_SEEKFUNC_FAIL;
}

int on_progress(void* context, curl_off_t, curl_off_t, curl_off_t, curl_off_t) {
  Try& attempt = *static_cast<Try*>(context);
  attempt.stopped = attempt.stopped || (attempt.request.cancelled && attempt.request.cancelled());
  return attempt.stopped ? 1 : 0;
}

bool is_loopback(const std::string& url) {
  const std::size_t start = url.find("://");
  const std::string host = start == std::string::npos ? url : url.substr(start + 3);
  return host.rfind("127.", 0) == 0 || host.rfind("localhost", 0) == 0 || host.rfind("[::1]", 0) == 0;
}

bool may_repeat(const std::string& method) {
  return method == "GET" || method == "HEAD" || method == "PUT" || method == "DELETE";
}

bool worth_repeating(const Result<HttpResponse>& result) {
  if (result) {
    return result->status == 502 || result->status == 503 || result->status == 504;
  }
  return result.error().code == ErrorCode::kUnavailable;
}

void set_deadlines(CURL* curl, const HttpRequest& request) {
  curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, static_cast<long>(request.connect_timeout.count()));
  curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, static_cast<long>(request.timeout.count()));
  if (request.silence_timeout.count() > 0) {
    curl_easy_setopt(curl, CURLOPT_LOW_SPEED_LIMIT, 1L);
    curl_easy_setopt(curl, CURLOPT_LOW_SPEED_TIME, static_cast<long>((request.silence_timeout.count() + 999) / 1'000));
  }
}

void set_callbacks(CURL* curl, Try& attempt) {
  curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, on_header);
  curl_easy_setopt(curl, CURLOPT_HEADERDATA, &attempt);
  curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_body);
  curl_easy_setopt(curl, CURLOPT_WRITEDATA, &attempt);
  curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, on_progress);
  curl_easy_setopt(curl, CURLOPT_XFERINFODATA, &attempt);
  curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L);
}

Result<void> set_body(CURL* curl, Try& attempt) {
  const HttpRequest& request = attempt.request;
  curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, request.method.c_str());
  if (request.upload) {
    std::error_code failure;
    const auto size = std::filesystem::file_size(*request.upload, failure);
    attempt.upload.reset(std::fopen(request.upload->c_str(), "rbe"));
    if (failure || !attempt.upload) {
      return Error{ErrorCode::kNotFound, "cannot read " + request.upload->string()};
    }
    curl_easy_setopt(curl, CURLOPT_UPLOAD, 1L);
    curl_easy_setopt(curl, CURLOPT_INFILESIZE_LARGE, static_cast<curl_off_t>(size));
    curl_easy_setopt(curl, CURLOPT_READFUNCTION, on_read);
    curl_easy_setopt(curl, CURLOPT_READDATA, &attempt);
    curl_easy_setopt(curl, CURLOPT_SEEKFUNCTION, on_seek);
    curl_easy_setopt(curl, CURLOPT_SEEKDATA, &attempt);
  } else if (!request.body.empty() || request.method == "POST" || request.method == "PUT") {
    curl_easy_setopt(curl, CURLOPT_POSTFIELDS, request.body.c_str());
    curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(request.body.size()));
  } else if (request.method == "HEAD") {
    curl_easy_setopt(curl, CURLOPT_NOBODY, 1L);
  }
  return {};
}

Error describe(CURLcode code, const Try& attempt, const char* detail) {
  const std::string& url = attempt.request.url;
  if (attempt.too_large) {
    return {ErrorCode::kResourceExhausted,
            "the answer of " + url + " is larger than " + std::to_string(attempt.request.body_bytes_max) + " bytes"};
  }
  if (attempt.stopped) {
    return {ErrorCode::kCancelled, "the request to " + url + " was cancelled"};
  }
  const std::string why = *detail != 0 ? detail : curl_easy_strerror(code);
  switch (code) {
    case CURLE_OPERATION_TIMEDOUT: return {ErrorCode::kDeadlineExceeded, url + " did not answer in time: " + why};
    case CURLE_URL_MALFORMAT:
    case CURLE_UNSUPPORTED_PROTOCOL: return {ErrorCode::kInvalidArgument, "'" + url + "' is not an http(s) URL"};
    default: return {ErrorCode::kUnavailable, "cannot reach " + url + ": " + why};
  }
}

void initialise_curl() {
  static std::once_flag once;
  std::call_once(once, [] { curl_global_init(CURL_GLOBAL_DEFAULT); });
}

}  // namespace

struct HttpClient::Handle {
  Handle() : curl(curl_easy_init()) { LUTHIER_CHECK(curl != nullptr); }
  ~Handle() { curl_easy_cleanup(curl); }
  Handle(const Handle&) = delete;
  Handle& operator=(const Handle&) = delete;

  Result<HttpResponse> perform(const HttpRequest& request, const OnBytes* on_bytes) {
    curl_easy_reset(curl);  // keeps connections
    Try attempt{.request = request, .on_bytes = on_bytes};
    char detail[CURL_ERROR_SIZE] = "";
    curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, detail);
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(curl, CURLOPT_URL, request.url.c_str());
    if (is_loopback(request.url)) {
      curl_easy_setopt(curl, CURLOPT_NOPROXY, "*");
    }
    HeaderList headers;
    for (const auto& [name, value] : request.headers) {
      headers.reset(curl_slist_append(headers.release(), (name + ": " + value).c_str()));
    }
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers.get());
    set_deadlines(curl, request);
    set_callbacks(curl, attempt);
    LUTHIER_TRY_VOID(set_body(curl, attempt));
    const CURLcode code = curl_easy_perform(curl);
    // An answer in the middle of an upload ends it; that is an answer, not a failure to send.
    const bool answered_early = code == CURLE_SEND_ERROR && attempt.response.status >= 400;
    if (code != CURLE_OK && !answered_early) {
      return describe(code, attempt, detail);
    }
    return std::move(attempt.response);
  }

  CURL* const curl;
  Random jitter{static_cast<std::uint64_t>(std::chrono::steady_clock::now().time_since_epoch().count())};
};

HttpClient::HttpClient() {
  initialise_curl();
  handle_ = std::make_unique<Handle>();
}
HttpClient::~HttpClient() = default;
HttpClient::HttpClient(HttpClient&&) noexcept = default;
HttpClient& HttpClient::operator=(HttpClient&&) noexcept = default;

Result<HttpResponse> HttpClient::request(const HttpRequest& request) {
  const int tries = 1 + (may_repeat(request.method) ? std::max(0, request.retries) : 0);
  milliseconds pause = kFirstPause;
  for (int i = 1;; ++i) {
    Result<HttpResponse> result = handle_->perform(request, nullptr);
    if (i >= tries || !worth_repeating(result)) {
      return result;
    }
    const auto jittered =
        pause.count() / 2 + static_cast<std::int64_t>(handle_->jitter.below(static_cast<std::uint64_t>(pause.count())));
    std::this_thread::sleep_for(milliseconds(jittered));
    pause *= 2;
  }
}

Result<HttpResponse> HttpClient::stream(const HttpRequest& request, const OnBytes& on_bytes) {
  return handle_->perform(request, &on_bytes);
}

}  // namespace luthier::integrations
