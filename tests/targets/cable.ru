# An Action Cable server without Rails around it: one channel, whose action `speak` broadcasts. puma -b tcp://127.0.0.1:PORT cable.ru
require "logger"
require "action_cable"

class Connection < ActionCable::Connection::Base
end

class ChatChannel < ActionCable::Channel::Base
  def subscribed = stream_from("chat")
  def speak(data) = ActionCable.server.broadcast("chat", { text: data["text"] })
end

ActionCable.server.config.tap do |config|
  config.logger = Logger.new(nil)
  config.cable = { "adapter" => "async" }
  config.connection_class = -> { Connection }
  config.disable_request_forgery_protection = true
end

cable = ActionCable.server
run ->(env) { env["PATH_INFO"] == "/cable" ? cable.call(env) : [200, {}, ["ok\n"]] }
