package main

import (
	"crypto/tls"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/spf13/cobra"
)

// healthTimeout bounds the whole of a health check.
const healthTimeout = 5 * time.Second

func (p *program) healthcheckCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "healthcheck",
		Short: "Ask the server of these settings whether it is alive: exit code 0 or 1",
		Args:  usageArgs(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := p.settings(cmd)
			if err != nil {
				return err
			}
			scheme := "http://"
			if c.TLS() {
				scheme = "https://"
			}
			address := scheme + reachable(c.Listen) + "/healthz"
			request, err := http.NewRequestWithContext(cmd.Context(), http.MethodGet, address, nil)
			if err != nil {
				return err
			}
			// The server is on this machine: no proxy of the environment is asked, and its certificate is for another name.
			client := http.Client{Timeout: healthTimeout, Transport: &http.Transport{
				DialContext: asProxy(c), TLSClientConfig: &tls.Config{InsecureSkipVerify: true, ServerName: "localhost"},
			}}
			response, err := client.Do(request)
			if err != nil {
				return err
			}
			defer response.Body.Close()
			if _, err := io.Copy(io.Discard, io.LimitReader(response.Body, 1<<10)); err != nil {
				return err
			}
			if response.StatusCode != http.StatusOK {
				return fmt.Errorf("%s answers %s", address, response.Status)
			}
			return nil
		},
	}
}
