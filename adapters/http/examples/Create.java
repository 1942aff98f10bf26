// Creates an incident, by the JDK alone:
//   SIDECAR_URL=http://127.0.0.1:8080 SIDECAR_TOKEN=... INSTANCE=dev12345 java Create.java

import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse.BodyHandlers;
import java.time.Duration;

public class Create {
    public static void main(String[] arguments) throws Exception {
        var inputs = """
                {
                    "authorization": "main", "instance": "%s", "timeout_ms": 5000, "correlation_id": "java-4711",
                    "request_body": {"case": "fields", "value": [["short_description", "Printer on fire"]]}
                }
                """.formatted(System.getenv("INSTANCE"));
        var request = HttpRequest.newBuilder(URI.create(System.getenv("SIDECAR_URL") + "/v1/create"))
                .header("Authorization", "Bearer " + System.getenv("SIDECAR_TOKEN"))
                .header("Content-Type", "application/json")
                // A little more than the call itself may take.
                .timeout(Duration.ofSeconds(6))
                .POST(HttpRequest.BodyPublishers.ofString(inputs))
                .build();
        // A body as small as this goes in one segment with its head over HTTP/1.1.
        var client = HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1).build();
        var response = client.send(request, BodyHandlers.ofString());
        // 200 is an outcome, whichever: its case decides what the flow does next. Up to 499 no call was made. From 500 on the server
        // may have been ended in the middle of one: repeat it with the same correlation id.
        System.out.println(response.body());
        System.exit(response.statusCode() == 200 && response.body().startsWith("{\"case\":\"incident-created\"") ? 0 : 1);
    }
}
