// Writes JSON schemas for kubeconform, which has none here and must not fetch any: for each kind that the chart makes, from
// the Go types of Kubernetes and of the Prometheus operator. A field that these do not know is refused.
//
//	go run . FOLDER
package main

import (
	"encoding/json"
	"fmt"
	"log"
	"os"
	"path/filepath"
	"reflect"
	"strings"

	"github.com/invopop/jsonschema"
	monitoring "github.com/prometheus-operator/prometheus-operator/pkg/apis/monitoring/v1"
	apps "k8s.io/api/apps/v1"
	core "k8s.io/api/core/v1"
	networking "k8s.io/api/networking/v1"
	policy "k8s.io/api/policy/v1"
	rbac "k8s.io/api/rbac/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
)

// What the chart makes, by the first word of its group and its version, as kubeconform names schemas (KindSuffix).
var kinds = map[string][]any{
	"v1":            {core.Namespace{}, core.ConfigMap{}, core.Service{}, core.ServiceAccount{}, core.PersistentVolumeClaim{}},
	"apps-v1":       {apps.Deployment{}},
	"rbac-v1":       {rbac.ClusterRole{}, rbac.ClusterRoleBinding{}},
	"policy-v1":     {policy.PodDisruptionBudget{}},
	"networking-v1": {networking.NetworkPolicy{}},
	"monitoring-v1": {monitoring.ServiceMonitor{}, monitoring.PodMonitor{}, monitoring.PrometheusRule{}},
}

// Types that are written otherwise than their fields say.
func written(kind reflect.Type) *jsonschema.Schema {
	switch kind {
	case reflect.TypeOf(intstr.IntOrString{}), reflect.TypeOf(resource.Quantity{}):
		return &jsonschema.Schema{OneOf: []*jsonschema.Schema{{Type: "string"}, {Type: "number"}}}
	case reflect.TypeOf(meta.Time{}), reflect.TypeOf(meta.MicroTime{}), reflect.TypeOf(meta.Duration{}):
		return &jsonschema.Schema{Type: "string"}
	case reflect.TypeOf(meta.FieldsV1{}):
		return &jsonschema.Schema{Type: "object"}
	}
	return nil
}

func main() {
	if len(os.Args) != 2 {
		log.Fatal("usage: schemas FOLDER")
	}
	reflector := jsonschema.Reflector{
		Mapper: written,
		// The types say what may be left out by "omitempty", but not always what must not.
		RequiredFromJSONSchemaTags: true,
		Anonymous:                  true,
	}
	for group, types := range kinds {
		for _, one := range types {
			schema := reflector.Reflect(one)
			kind := reflect.TypeOf(one).Name()
			schema.ID = ""
			text, err := json.MarshalIndent(schema, "", "  ")
			if err != nil {
				log.Fatal(err)
			}
			name := fmt.Sprintf("%s-%s.json", strings.ToLower(kind), group)
			if err := os.WriteFile(filepath.Join(os.Args[1], name), text, 0o644); err != nil {
				log.Fatal(err)
			}
		}
	}
}
