#include "log/log.hpp"

#include <spdlog/logger.h>
#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/base_sink.h>
#include <spdlog/sinks/stdout_sinks.h>

#include <memory>
#include <mutex>
#include <utility>

#include "log/json_text.hpp"

namespace admit::log {

namespace {

class CaptureSink final : public spdlog::sinks::base_sink<std::mutex> {
 public:
  explicit CaptureSink(std::function<void(std::string_view)> take) : x_take(std::move(take)) {}

 protected:
  void sink_it_(const spdlog::details::log_msg& message) override {
    spdlog::memory_buf_t line;
    formatter_->format(message, line);
    x_take({line.data(), line.size() - 1});
  }
  void flush_() override {}

 private:
  std::function<void(std::string_view)> x_take;
};

spdlog::level::level_enum spdlog_level(Level level) {
  switch (level) {
    case Level::debug:
      return spdlog::level::debug;
    case Level::info:
      return spdlog::level::info;
    case Level::warning:
      return spdlog::level::warn;
    case Level::error:
      return spdlog::level::err;
    case Level::off:
      return spdlog::level::off;
  }
  std::unreachable();
}

std::unique_ptr<spdlog::logger> make_logger(Options options) {
  spdlog::sink_ptr sink;
  if (options.capture) {
    sink = std::make_shared<CaptureSink>(std::move(options.capture));
  } else if (options.stream == Stream::standard_out) {
    sink = std::make_shared<spdlog::sinks::stdout_sink_mt>();
  } else {
    sink = std::make_shared<spdlog::sinks::stderr_sink_mt>();
  }
  sink->set_formatter(std::make_unique<spdlog::pattern_formatter>(R"({"ts":"%Y-%m-%dT%H:%M:%S.%eZ","level":"%l",%v})",
                                                                  spdlog::pattern_time_type::utc, "\n"));
  auto logger = std::make_unique<spdlog::logger>("admit", std::move(sink));
  logger->set_level(spdlog_level(options.level));
  return logger;
}

/// Never destroyed, so that a thread that ends late may still log.
std::unique_ptr<spdlog::logger>& logger() {
  static auto* const one = new std::unique_ptr<spdlog::logger>(make_logger({}));
  return *one;
}

}  // namespace

std::optional<Level> parse_level(std::string_view word) {
  if (word == "debug") return Level::debug;
  if (word == "info") return Level::info;
  if (word == "warning" || word == "warn") return Level::warning;
  if (word == "error") return Level::error;
  if (word == "off") return Level::off;
  return std::nullopt;
}

void configure(Options options) {
  logger() = make_logger(std::move(options));
}

bool enabled(Level level) {
  return level != Level::off && logger()->should_log(spdlog_level(level));
}

void write(Level level, std::string_view message, Fields fields) {
  if (!enabled(level)) return;
  const std::string body = detail::line_body(message, fields);
  logger()->log(spdlog_level(level), spdlog::string_view_t{body.data(), body.size()});
}

}  // namespace admit::log
