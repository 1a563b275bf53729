package main

import (
	"fmt"
	"path/filepath"

	"gild/config"
	"gild/logs"
	"gild/scripts"
	"gild/server"
)

// openLogs opens the logs of the supervisor, who writes them for all.
func openLogs(c *config.Config) (*logs.Writer, error) {
	options, err := logOptions(c)
	if err != nil {
		return nil, err
	}
	return logs.OpenWriter(options)
}

// logOptions say where the supervisor writes what. The formats are checked, that of the access log too, which others apply.
func logOptions(c *config.Config) (logs.Options, error) {
	options := logs.Options{ErrorLog: c.Log.ErrorLog, AccessLog: c.Log.AccessLog, Rotate: c.Log.Rotate, Keep: c.Log.Keep}
	var err error
	if options.Levels, err = logLevels(c); err != nil {
		return options, err
	}
	if options.ErrorFormat, err = logs.ParseErrorFormat(c.Log.ErrorFormat); err != nil {
		return options, fmt.Errorf("--error-log-format: %w", err)
	}
	if _, err := logs.ParseAccessFormat(c.Log.AccessFormat); c.Log.AccessLog != "" && err != nil {
		return options, fmt.Errorf("--access-log-format: %w", err)
	}
	return options, nil
}

// configureLogs has the supervisor go on with the logs of another configuration. Files that cannot be opened are no reason to give
// it up, since it serves already.
func configureLogs(w *logs.Writer, c *config.Config) {
	err := makeDirectories(c)
	if err == nil {
		var options logs.Options
		if options, err = logOptions(c); err == nil {
			err = w.Configure(options)
		}
	}
	if err != nil {
		logs.Printf(w, logs.Error, "core", "The new options of the logs are not taken over: %v; the supervisor writes as before.", err)
		return
	}
	logs.Printf(w, logs.Notice, "core", "The logs have new options; the level is %s.", c.Log.Level)
}

// logLevels says what the error log keeps.
func logLevels(c *config.Config) (logs.Levels, error) {
	levels, err := logs.ParseLevels(c.Log.Level)
	if err != nil {
		return levels, fmt.Errorf("--log-level: %w", err)
	}
	return levels, nil
}

// logDirectories are those of the files, whose names may have directories in them.
func logDirectories(c *config.Config) (dirs []string) {
	for _, path := range []string{c.Log.ErrorLog, c.Log.AccessLog, c.Log.StartupLog} {
		if filepath.IsAbs(path) {
			dirs = append(dirs, filepath.Dir(path))
		}
	}
	return dirs
}

// accessLog has the server write its access log, and show in it what --setenv gives to every request.
func (c *child) accessLog(o *server.Options, _ *scripts.Engine) error {
	for _, pair := range c.config.SetEnv {
		o.Environ = append(o.Environ, server.Variable{Name: pair.Key, Value: pair.Value})
	}
	if c.config.Log.AccessLog == "" {
		return nil
	}
	format, err := logs.ParseAccessFormat(c.config.Log.AccessFormat)
	if err != nil {
		return err
	}
	o.AccessLog = logs.NewAccessLog(format, c.log.Access)
	return nil
}
