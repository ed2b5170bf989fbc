// Options: the bounds and deadlines of the HTTP server. Value type.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "base/clock.h"

namespace luthier::http {

struct Options {
  std::string address = "127.0.0.1";
  std::uint16_t port = 0;  // 0: any free one, see port()
  int handler_threads = 4;
  int connections_max = 256;
  std::size_t header_bytes_max = 16 * 1024;
  std::size_t body_bytes_max = 32 * 1024 * 1024;          // of JSON: a manifest of 100,000 files fits
  std::uint64_t blob_bytes_max = std::uint64_t{1} << 40;  // of an upload
  bool metrics_open = false;                              // GET /metrics needs no key
  milliseconds idle_timeout{60'000};                      // until a whole request header has come
  milliseconds transfer_timeout{60'000};                  // of one read of a body or one write
  milliseconds keep_alive_interval{15'000};               // comment lines on silent event streams
  milliseconds stop_grace{3'000};                         // requests in progress get this long after stop()
  milliseconds log_poll_interval{250};                    // how often a followed log looks for new bytes
  milliseconds model_wait_max{120'000};                   // how long a generation waits for its model to be loaded
  milliseconds model_poll_interval{200};
};

}  // namespace luthier::http
