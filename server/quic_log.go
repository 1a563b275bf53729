package server

import (
	"context"
	"log"
	"log/slog"
	"strings"

	"gild/logs"
)

// newSlog is a logger for http3, which reports panics and mistakes in responses.
func newSlog(l logs.Logger) *slog.Logger { return slog.New(slogHandler{logger: l}) }

// A slogHandler writes records of slog to the error log, and leaves those out that are only of use to who works on http3.
type slogHandler struct {
	logger logs.Logger
	attrs  []slog.Attr
}

// Enabled implements slog.Handler.
func (h slogHandler) Enabled(_ context.Context, level slog.Level) bool {
	return level >= slog.LevelWarn
}

// Handle implements slog.Handler.
func (h slogHandler) Handle(_ context.Context, r slog.Record) error {
	var text strings.Builder
	text.WriteString(r.Message)
	add := func(a slog.Attr) bool {
		text.WriteString(" " + a.String())
		return true
	}
	for _, a := range h.attrs {
		add(a)
	}
	r.Attrs(add)
	level := logs.Warn
	if r.Level >= slog.LevelError {
		level = logs.Error
	}
	h.logger.Log(logs.Record{Level: level, Module: "http3", Message: text.String()})
	return nil
}

// WithAttrs implements slog.Handler.
func (h slogHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	h.attrs = append(h.attrs[:len(h.attrs):len(h.attrs)], attrs...)
	return h
}

// WithGroup implements slog.Handler. Groups make no difference to people.
func (h slogHandler) WithGroup(string) slog.Handler { return h }

// captureStandardLog sends what is written with package log to the error log until the returned function is called.
// quic-go complains there, and nowhere else, about a socket buffer that the system does not let it enlarge.
func captureStandardLog(l logs.Logger) (restore func()) {
	out, flags := log.Writer(), log.Flags()
	log.SetOutput(lineWriter{l})
	log.SetFlags(0)
	return func() {
		log.SetOutput(out)
		log.SetFlags(flags)
	}
}

type lineWriter struct{ logger logs.Logger }

func (w lineWriter) Write(p []byte) (int, error) {
	logs.Printf(w.logger, logs.Info, "http3", "%s", strings.TrimSpace(string(p)))
	return len(p), nil
}
