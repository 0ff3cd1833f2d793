package main

import (
	"encoding/json"
	"errors"

	"github.com/spf13/cobra"

	"github.com/bsvsync/bsv/internal/event"
)

func (a *app) watchCommand() *cobra.Command {
	return &cobra.Command{Use: "watch", Short: "Print what the running node does", Args: exactly(0), RunE: func(cmd *cobra.Command, _ []string) (err error) {
		p, err := a.paths()
		if err != nil {
			return usage("bsv --home DIR …", "%v", err)
		}
		s, err := a.dialNode(cmd.Context(), p)
		if err != nil {
			return usage("bsv node", "no node is running in %s", p.Dir)
		}
		defer func() { err = errors.Join(err, s.end()) }()
		ready := make(chan struct{})
		go func() {
			<-ready
			a.say("watching; interrupt to end")
		}()
		return s.Events(cmd.Context(), ready, func(e event.Event) bool {
			if a.flags.json {
				b, err := json.Marshal(e)
				if err == nil {
					a.printf("%s\n", b)
				}
				return err == nil
			}
			a.printf("%s  %-12s %s %s %s\n", e.Time.Local().Format("15:04:05"), e.Kind, escape(e.Path), short(e.ID), escape(e.Message))
			return true
		})
	}}
}
