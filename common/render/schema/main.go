// Command schema prints the merge table of Kubernetes' built-in kinds: which lists a strategic merge patch merges,
// and by which keys. It reads the OpenAPI document that Kustomize itself is built with, so that both merge alike.
//
//	cd common/render/schema && go run . > ../src/kustomize/schema/kubernetes.txt
package main

import (
	"bufio"
	"fmt"
	"os"
	"sort"
	"strings"

	"k8s.io/kube-openapi/pkg/validation/spec"
	"sigs.k8s.io/kustomize/kyaml/openapi"
)

const (
	strategyKey = "x-kubernetes-patch-strategy"
	mergeKey    = "x-kubernetes-patch-merge-key"
	mapKeys     = "x-kubernetes-list-map-keys"
	kindsKey    = "x-kubernetes-group-version-kind"
)

type field struct{ name, shape, target, keys string }

type table struct {
	definitions spec.Definitions
	interesting map[string]bool
	busy        map[string]bool
}

func main() {
	t := &table{openapi.Schema().Definitions, map[string]bool{}, map[string]bool{}}
	out := bufio.NewWriter(os.Stdout)
	defer out.Flush()
	fmt.Fprintln(out, "# Made by common/render/schema; do not edit.")
	needed := map[string]bool{}
	var kinds []string
	for name, definition := range t.definitions {
		for _, kind := range kindsOf(definition) {
			if t.isInteresting(name) {
				kinds = append(kinds, fmt.Sprintf("kind %s %s", kind, short(name)))
				t.need(name, needed)
			} else {
				kinds = append(kinds, fmt.Sprintf("kind %s -", kind))
			}
		}
	}
	sort.Strings(kinds)
	for _, line := range kinds {
		fmt.Fprintln(out, line)
	}
	var names []string
	for name := range needed {
		names = append(names, name)
	}
	sort.Strings(names)
	for _, name := range names {
		fmt.Fprintf(out, "type %s\n", short(name))
		told := map[string]bool{}
		for _, f := range t.fields(name) {
			if f.shape != "object" || f.target != "-" {
				fmt.Fprintf(out, " %s %s %s %s\n", f.name, f.shape, f.target, f.keys)
				told[f.name] = true
			}
		}
		if rest := t.rest(name, told); len(rest) > 0 {
			fmt.Fprintf(out, " = %s\n", strings.Join(rest, ","))
		}
	}
}

func short(name string) string { return strings.TrimPrefix(name, "io.k8s.") }

func kindsOf(s spec.Schema) (result []string) {
	list, _ := s.Extensions[kindsKey].([]interface{})
	if len(list) != 1 {
		return nil // Options shared by every group are no objects.
	}
	for _, item := range list {
		m := item.(map[string]interface{})
		version := m["version"].(string)
		if group, _ := m["group"].(string); group != "" {
			version = group + "/" + version
		}
		result = append(result, version+" "+m["kind"].(string))
	}
	return result
}

// fields lists what of a definition a merge has to know, sorted by name.
func (t *table) fields(name string) (result []field) {
	for property, s := range t.definitions[name].Properties {
		f := field{name: property, shape: "object", target: "-"}
		target := refName(s)
		switch {
		case len(s.Type) == 1 && s.Type[0] == "array":
			f.shape = "plain"
			if s.Items != nil && s.Items.Schema != nil {
				target = refName(*s.Items.Schema)
			}
			strategy, _ := s.Extensions[strategyKey].(string)
			for _, part := range strings.Split(strategy, ",") {
				if part == "merge" {
					f.shape = "list"
				}
			}
			f.keys = keysOf(s)
		case s.AdditionalProperties != nil && s.AdditionalProperties.Schema != nil:
			f.shape = "map"
			target = refName(*s.AdditionalProperties.Schema)
		}
		if f.shape == "plain" { // Replaced as a whole: nothing below it is ever merged.
			continue
		}
		if target != "" && t.isInteresting(target) {
			f.target = short(target)
		}
		result = append(result, f)
	}
	sort.Slice(result, func(i, j int) bool { return result[i].name < result[j].name })
	return result
}

// rest lists the other fields of a definition: known, and nothing more.
func (t *table) rest(name string, told map[string]bool) (result []string) {
	for property := range t.definitions[name].Properties {
		if !told[property] {
			result = append(result, property)
		}
	}
	sort.Strings(result)
	return result
}

func keysOf(s spec.Schema) string {
	if list, ok := s.Extensions[mapKeys].([]interface{}); ok {
		var keys []string
		for _, key := range list {
			keys = append(keys, key.(string))
		}
		return strings.Join(keys, ",")
	}
	key, _ := s.Extensions[mergeKey].(string)
	return key
}

func refName(s spec.Schema) string {
	return strings.TrimPrefix(s.Ref.String(), "#/definitions/")
}

func (t *table) isInteresting(name string) bool {
	if known, ok := t.interesting[name]; ok {
		return known
	}
	if t.busy[name] {
		return false
	}
	t.busy[name] = true
	found := false
	for _, f := range t.fields(name) {
		found = found || f.shape == "list" || f.target != "-"
	}
	delete(t.busy, name)
	t.interesting[name] = found
	return found
}

func (t *table) need(name string, needed map[string]bool) {
	if needed[name] {
		return
	}
	needed[name] = true
	for _, f := range t.fields(name) {
		if f.target != "-" {
			t.need("io.k8s."+f.target, needed)
		}
	}
}
