package tls

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"go.uber.org/zap/zapcore"

	"gild/logs"
)

// core lets certmagic and acmez, which log to zap, log to ours. What they tell of each step is for debugging: the outcome
// is told in words of our own.
type core struct {
	log    logs.Logger
	fields []zapcore.Field
}

// level is ours for a record of zap. What is about a failed order is known to us, see automatic.event.
func (c core) level(e zapcore.Entry) logs.Level {
	switch e.Level {
	case zapcore.DebugLevel:
		return logs.Trace1
	case zapcore.InfoLevel:
		return logs.Debug
	}
	if c.aboutOrders(e.LoggerName) {
		return logs.Info
	}
	return logs.Warn
}

// aboutOrders says whether the logger of that name tells about single steps of an order.
func (c core) aboutOrders(name string) bool {
	return slices.Contains([]string{"obtain", "renew", "on_demand", acmeLogger}, name)
}

// Enabled, With, Check, Write and Sync are zapcore.Core.

func (c core) Enabled(l zapcore.Level) bool { return c.log.Enabled(c.level(zapcore.Entry{Level: l})) }

func (c core) With(fields []zapcore.Field) zapcore.Core {
	return core{log: c.log, fields: slices.Concat(c.fields, fields)}
}

func (c core) Check(e zapcore.Entry, checked *zapcore.CheckedEntry) *zapcore.CheckedEntry {
	if c.log.Enabled(c.level(e)) {
		return checked.AddCore(e, c)
	}
	return checked
}

func (c core) Write(e zapcore.Entry, fields []zapcore.Field) error {
	text := zapcore.NewMapObjectEncoder()
	for _, field := range slices.Concat(c.fields, fields) {
		field.AddTo(text)
	}
	var line strings.Builder
	if e.LoggerName != "" {
		line.WriteString(e.LoggerName + ": ")
	}
	line.WriteString(e.Message)
	for _, key := range slices.Sorted(maps.Keys(text.Fields)) {
		fmt.Fprintf(&line, " %s=%v", key, text.Fields[key])
	}
	c.log.Log(logs.Record{Level: c.level(e), Module: module, Message: line.String(), Time: e.Time.UnixNano()})
	return nil
}

func (c core) Sync() error { return nil }
